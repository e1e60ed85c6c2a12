"""Named recipes, each with its network: what the form and `--preset` offer."""

from dataclasses import dataclass
from fractions import Fraction

from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import CORRECTIONS, OWN, TrainConfig


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A named recipe: network and training, with a few words for people."""

    summary: str
    reaches: str  # accuracy, measured: see benchmarks/README.md; "" if `shipped` has it
    audience: str  # who it is for
    spec: VGGSpec
    train: TrainConfig
    shipped: str = ""  # the network that it trained, whose card says what it reaches


# Colours and an outline: the network of `wild`, and of what goes on from it.
_FOR_PHOTOS = VGGSpec(
    configuration="B",
    width=Fraction(3, 8),
    batch_norm=True,
    in_channels=4,
    image_size=64,
    head="pool",
    dropout=0.2,
)

PRESETS: dict[str, Preset] = {
    "try-out": Preset(
        summary="A short try-out on 10,000 images: watch a network learn",
        reaches="86 % test accuracy on Fashion-MNIST",
        audience="for watching a network learn",
        spec=VGGSpec(
            configuration="A",
            width=Fraction(1, 8),
            batch_norm=True,
            image_size=32,
            head="pool",
            dropout=0.0,
        ),
        train=TrainConfig(epochs=3, batch_size=128, train_limit=10_000, flip=True),
    ),
    "tutorial": Preset(
        summary="The tutorial's own recipe: VGG-11 at 1/8, 224 px, batch 64, Adam, 5 epochs",
        reaches="91.8 % test accuracy on Fashion-MNIST",
        audience="for following the tutorial",
        spec=VGGSpec(configuration="A", width=Fraction(1, 8), image_size=224),
        train=TrainConfig(
            fit="resize",
            epochs=5,
            batch_size=64,
            optimizer="adam",
            learning_rate=0.001,
            weight_decay=0.0,
            schedule="constant",
            init="xavier",
        ),
    ),
    "fast": Preset(
        summary="The tutorial's accuracy in under a minute on two CPU cores",
        reaches="91.8 % test accuracy on Fashion-MNIST",
        audience="for a first real run",
        spec=VGGSpec(
            configuration="A",
            width=Fraction(1, 4),
            batch_norm=True,
            image_size=32,
            head="pool",
            dropout=0.0,
        ),
        train=TrainConfig(epochs=2, batch_size=128, optimizer="muon", learning_rate=0.005),
    ),
    "best": Preset(
        summary="The most accurate plain VGG this project trains",
        reaches="",
        shipped="fashion-mnist",
        audience="for the best score",
        spec=VGGSpec(
            configuration="B",
            width=Fraction(3, 8),
            batch_norm=True,
            image_size=64,
            head="pool",
            dropout=0.2,
        ),
        train=TrainConfig(
            fit="resize",
            epochs=30,
            batch_size=256,
            optimizer="muon",
            learning_rate=0.001,
            weight_decay=0.05,
            flip=True,
            shift=2,
            erase=0.5,
            cutmix=0.3,
            label_smoothing=0.05,
            ema=0.998,
        ),
    ),
    "wild": Preset(
        summary="For photos and drawings from anywhere, on two CPU cores in an hour or two",
        reaches="",
        shipped="wild",
        audience="for your own clothes and drawings",
        spec=_FOR_PHOTOS,
        train=TrainConfig(
            dataset="wild",
            epochs=48,
            batch_size=128,
            optimizer="muon",
            learning_rate=0.0008,
            weight_decay=0.05,
            erase=0.3,
            ema=0.998,
        ),
    ),
    "own": Preset(
        summary="Your own pictures of your own classes, from scratch",
        reaches="what your pictures allow",
        audience="for hundreds of pictures of each class",
        spec=VGGSpec(
            configuration="A",
            width=Fraction(1, 4),
            batch_norm=True,
            in_channels=3,
            image_size=64,
            head="pool",
            dropout=0.2,
        ),
        train=TrainConfig(
            dataset=OWN,
            epochs=40,
            patience=10,
            batch_size=64,
            optimizer="muon",
            learning_rate=0.002,
            weight_decay=0.05,
            flip=True,
            shift=3,
            erase=0.3,
            label_smoothing=0.05,
        ),
    ),
    "own-from-wild": Preset(
        summary="Your own pictures, building on what the network for photos has learnt",
        reaches="what your pictures allow",
        audience="for small sets of pictures, mostly of clothes",
        spec=_FOR_PHOTOS,
        train=TrainConfig(
            dataset=OWN,
            framing="object",
            init_from="wild",
            freeze_epochs=4,
            epochs=20,
            patience=6,
            batch_size=64,
            optimizer="muon",
            learning_rate=0.001,
            weight_decay=0.05,
            flip=True,
            shift=3,
            erase=0.3,
            label_smoothing=0.05,
        ),
    ),
    CORRECTIONS: Preset(
        summary=(
            "A network corrected with pictures that it got wrong, and held to its other answers"
        ),
        reaches="nearly what the network reached before",
        audience="for correcting wrong answers",
        spec=_FOR_PHOTOS,
        train=TrainConfig(
            dataset=CORRECTIONS,
            pictures=CORRECTIONS,
            init_from="wild",
            epochs=4,
            batch_size=64,
            optimizer="adamw",
            learning_rate=0.0003,
            weight_decay=0.0,
        ),
    ),
}
DEFAULT_PRESET = "fast"
