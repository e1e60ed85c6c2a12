"""Datasets: the ten classes, Fashion-MNIST, synthetic garments, and their augmentation.

Images are uint8 tensors; `own` has a user's own pictures.
"""
