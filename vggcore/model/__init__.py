"""Architectures, training recipes and presets, the network, its counts, and its checkpoints.

Everything is data here: a `VGGSpec` says exactly which network is meant, a `TrainConfig` how it
is trained, and a `Card` what the outcome was.
"""
