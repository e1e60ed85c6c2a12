"""What a trained network says of a picture, how sure it is, why, and how often it is right.

Pages and command line get answers through `load_classifier`; scores and exports are here too.
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
