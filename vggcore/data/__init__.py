"""Datasets: the ten classes, Fashion-MNIST, synthetic garments, and their augmentation.

Images are uint8 tensors; `own` has a user's own pictures.
"""

from typing import TYPE_CHECKING

from vggcore.machine.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from vggcore.data.classes import CLASSES as CLASSES
    from vggcore.data.classes import Label as Label
    from vggcore.data.fashion_mnist import load_split as load_split
    from vggcore.data.raw_files import DataMissing as DataMissing

__all__ = ["CLASSES", "DataMissing", "Label", "load_split"]
__getattr__ = lazy_exports(
    __name__,
    {
        "CLASSES": "vggcore.data.classes",
        "Label": "vggcore.data.classes",
        "load_split": "vggcore.data.fashion_mnist",
        "DataMissing": "vggcore.data.raw_files",
    },
)
