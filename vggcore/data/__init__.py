"""The ten classes, Fashion-MNIST, and synthetic garments that need no download."""
