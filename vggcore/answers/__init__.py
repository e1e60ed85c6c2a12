"""Inference: classification, calibration, explanations, evaluation, and export.

Pages and commands get answers through `load_classifier`; `results` are the evaluation that is
stored beside a checkpoint.
"""

from typing import TYPE_CHECKING

from vggcore.machine.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from vggcore.answers.classifier import Classifier as Classifier
    from vggcore.answers.classifier import Prediction as Prediction
    from vggcore.answers.classifier import load_classifier as load_classifier
    from vggcore.answers.results import Results as Results

__all__ = ["Classifier", "Prediction", "Results", "load_classifier"]
__getattr__ = lazy_exports(
    __name__,
    {
        "Classifier": "vggcore.answers.classifier",
        "Prediction": "vggcore.answers.classifier",
        "load_classifier": "vggcore.answers.classifier",
        "Results": "vggcore.answers.results",
    },
)
