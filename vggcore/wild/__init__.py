"""Training data for photos and drawings: synthetic, cut out, and real pictures.

`WildSource` draws batches from pools; `items` lists the real pictures and what is right for each.
"""

from typing import TYPE_CHECKING

from vggcore.machine.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from vggcore.wild.source import WildSource as WildSource
    from vggcore.wild.validation import Validation as Validation

__all__ = ["Validation", "WildSource"]
__getattr__ = lazy_exports(
    __name__,
    {
        "WildSource": "vggcore.wild.source",
        "Validation": "vggcore.wild.validation",
    },
)
