"""VGG networks on clothing images: architectures, training, and honest classification.

Importing the package is cheap. PyTorch loads only with the modules that need tensors
(`network`, `data`, `training`, …); `architectures`, `config` and `runs` work without it.
"""

__version__ = "0.1.0"
