"""The training loop, its batches, exact resume, and what a training costs.

`fit` trains a run; `estimate` predicts the time and memory that it takes.
"""

from typing import TYPE_CHECKING

from vggcore.machine.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from vggcore.training.cost import estimate as estimate
    from vggcore.training.loop import fit as fit
    from vggcore.training.progress import TrainingFailed as TrainingFailed

__all__ = ["TrainingFailed", "estimate", "fit"]
__getattr__ = lazy_exports(
    __name__,
    {
        "fit": "vggcore.training.loop",
        "TrainingFailed": "vggcore.training.progress",
        "estimate": "vggcore.training.cost",
    },
)
