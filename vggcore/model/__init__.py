"""Architectures, recipes, the network itself, its counts, and its checkpoints."""
