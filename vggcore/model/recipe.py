"""`TrainConfig` and the presets: one definition for the command line, the form and the JSON.

Plain Python, no PyTorch. What each field may be, and how it is shown, is said by `fields.option`.
"""

import re
from dataclasses import asdict, dataclass, fields
from fractions import Fraction

from vggcore.machine.messages import Message
from vggcore.machine.precision import PRECISIONS
from vggcore.model.architectures import VGGSpec
from vggcore.model.fields import checked, known_fields, option

WILD_STEPS_PER_EPOCH = 400  # with the data set "wild", whatever the batch size
WILD_CHANNELS = (1, 3, 4)  # what its networks see: outline, colours, or both
FEWEST_STEPS = 10  # in an epoch on few pictures of one's own, which are then repeated
OWN = "pictures"  # the data set of a user's own pictures
FRAMINGS = ("whole", "object")
CORRECTIONS = "corrections"  # the data set of pictures that a network named wrongly
CORRECTION_STEPS = 40  # in an epoch on them
DATASETS = ("fashion-mnist", "synthetic", "wild", OWN, CORRECTIONS)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train. Immutable, validated, JSON through `to_dict`. Raises ValueError."""

    dataset: str = option(
        "fashion-mnist",
        "what to train on; 'synthetic' is drawn by this project, 'wild' adds photos and drawings, "
        "'pictures' are your own, 'corrections' those that a network named wrongly",
        choices=DATASETS,
        group="data",
        label="data set",
    )
    pictures: str = option(
        "",
        "your own pictures: a name, or the path of a folder of class folders, a zip of one, or a "
        "CSV of path and label; or mnist, kmnist, qmnist, emnist-letters, cifar-10",
        group="data",
    )
    framing: str = option(
        "whole",
        "what the network sees of your own pictures: the whole picture, or the object that "
        "stands out from its background, as for photos of garments",
        choices=FRAMINGS,
        group="data",
        label="what it sees of a picture",
    )
    train_limit: int = option(
        0,
        "use only this many training images; 0 uses all",
        low=0,
        high=10_000_000,
        step=1000,
        group="data",
        label="training images at most",
    )
    fit: str = option(
        "pad",
        "how 28×28 images reach the network's size",
        choices=("pad", "resize"),
        group="data",
        label="fitting 28×28 images",
    )
    epochs: int = option(5, "passes over the training images", low=1, high=1000)
    patience: int = option(
        0,
        "end after this many epochs in a row without a better validation accuracy; 0 is off",
        low=0,
        high=1000,
        unit="epochs",
        label="end without progress after",
    )
    batch_size: int = option(256, "how many images a step learns from", low=1, high=8192)
    optimizer: str = option(
        "adamw",
        "the rule that changes the weights after each step",
        choices=("adam", "adamw", "sgd", "muon"),
    )
    learning_rate: float = option(
        0.004,
        "how far a step moves the weights, at its highest",
        low=1e-7,
        high=10.0,
        label="peak learning rate",
    )
    weight_decay: float = option(
        0.01,
        "how strongly weights are pulled towards 0 (Adam adds it to the gradient; with Muon, all "
        "but convolutions)",
        low=0.0,
        high=1.0,
        step=0.01,
    )
    schedule: str = option(
        "one-cycle",
        "how the learning rate changes: it rises once and falls, or stays constant",
        choices=("constant", "one-cycle"),
        label="learning-rate schedule",
    )
    label_smoothing: float = option(
        0.0,
        "share of each label that is spread evenly over all classes",
        low=0.0,
        high=0.5,
        step=0.05,
    )
    ema: float = option(
        0.0,
        "decay of a moving average of the weights, which is then evaluated; 0 is off",
        label="weight averaging (EMA)",
        low=0.0,
        high=0.99999,
        step=0.001,
    )
    flip: bool = option(False, "mirror half of the images", group="augmentation")
    shift: int = option(
        0,
        "random shift up to this far each way",
        low=0,
        high=14,
        unit="px of 28",
        label="random shift",
        group="augmentation",
    )
    erase: float = option(
        0.0,
        "chance that a random rectangle of an image is blanked",
        low=0.0,
        high=1.0,
        step=0.1,
        group="augmentation",
        label="random erasing",
    )
    mixup: float = option(
        0.0,
        "mixup strength (alpha of the Beta distribution); 0 is off",
        low=0.0,
        high=2.0,
        step=0.1,
        group="augmentation",
    )
    cutmix: float = option(
        0.0,
        "chance that a batch's images get a rectangle of another one, with its share of the label",
        low=0.0,
        high=1.0,
        step=0.1,
        group="augmentation",
    )
    init: str = option(
        "kaiming",
        "how the first weights are drawn: as Kaiming, Xavier or the paper did",
        choices=("kaiming", "xavier", "paper"),
        label="initial weights",
        group="start",
    )
    init_from: str = option(
        "",
        "continue from these weights: a network, a run or a path",
        label="weights of",
        group="start",
    )
    init_layers: str = option(
        "all",
        "what to copy from it: all that fits; the paper's first four convs and FC layers; or all, "
        "with added convs that pass on what they get, so that a deeper network answers alike",
        choices=("all", "paper", "deeper"),
        label="layers to copy",
        group="start",
    )
    freeze_epochs: int = option(
        0,
        "train only the classifier for this long at first, with the convolutions frozen",
        low=0,
        high=1000,
        unit="epochs",
        label="only the classifier for",
        group="start",
    )
    device: str = option(
        "auto",
        "cuda, cuda:1, several such as cuda:0,cuda:2, mps, cpu, or auto for the best there is",
        group="machine",
    )
    precision: str = option(
        "auto",
        "number format in convolutions and linear layers; auto takes the fastest that the "
        "hardware supports",
        choices=PRECISIONS,
        group="machine",
    )
    cuda_graphs: bool = option(
        False,
        "launch a step's forward and backward pass as one CUDA graph, on one NVIDIA GPU; "
        "the same results, faster for small networks",
        label="CUDA graphs",
        group="machine",
    )
    deterministic: bool = option(
        False,
        "get the same bits every time on a GPU, too; slower",
        label="same result every time",
        group="machine",
    )
    seed: int = option(
        0,
        "seed for split, initial weights, order and augmentation",
        low=0,
        high=2**31 - 1,
        label="random seed",
        group="machine",
    )
    checkpoint_seconds: float = option(
        60.0,
        "how often to save where it is, so that it can resume there; 0: after each epoch only",
        low=0.0,
        high=86_400.0,
        step=10.0,
        unit="s",
        group="machine",
        label="save a checkpoint every",
    )
    max_minutes: float = option(
        0.0,
        "stop by itself after this long; the count starts again when it is resumed; 0 is no limit",
        low=0.0,
        high=100_000.0,
        step=10.0,
        unit="min",
        group="machine",
        label="time limit",
    )

    def __post_init__(self):
        for f in fields(self):
            object.__setattr__(self, f.name, checked(f, getattr(self, f.name)))

    def to_dict(self) -> dict:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "TrainConfig":
        """Inverse of `to_dict`. Raises ValueError for unknown or impossible values."""
        return cls(**known_fields(cls, values))


def on_from(network: str) -> dict:
    """The values with which a recipe starts from all the weights of a network that it trained."""
    return {"init_from": network, "init_layers": "all", "freeze_epochs": 0}


# Settings that data sets handle in their own way, or not at all.
_LEFT_OUT = {
    "wild": ("train_limit", "fit", "flip", "shift", "mixup", "cutmix"),
    OWN: ("fit",),
    CORRECTIONS: (
        *("train_limit", "fit", "framing", "flip", "shift", "erase", "mixup", "cutmix"),
        *("label_smoothing", "init_layers", "freeze_epochs"),
    ),
}
# What networks see of one's own pictures: grey, colours, or colours and outline.
OWN_CHANNELS = {"whole": (1, 3), "object": (1, 3, 4)}


def check(spec: VGGSpec, train: TrainConfig) -> None:
    """Raise ValueError, in one line, if this network cannot be trained by this recipe."""
    if "," in train.device:
        _check_several(train.device)
    if train.dataset == OWN:
        _check_own(spec, train)
    elif train.dataset == CORRECTIONS:
        if not (train.pictures and train.init_from):
            raise ValueError(
                Message("corrections need a network to correct (init_from) and their pictures")
            )
    else:
        _check_garments(spec, train)
    if train.optimizer == "muon" and not spec.batch_norm:
        raise ValueError(
            Message("optimizer 'muon' needs batch_norm: choose it, or another optimizer")
        )
    left_out = _LEFT_OUT.get(train.dataset, ())
    changed = [name for name in left_out if _is_changed(train, name)]
    if changed:
        raise ValueError(
            Message(
                "dataset {dataset!r} draws its pictures in its own way: leave out {changed}",
                dataset=train.dataset,
                changed=", ".join(changed),
            )
        )


def _check_garments(spec: VGGSpec, train: TrainConfig) -> None:
    if spec.num_classes != 10:
        raise ValueError(
            Message(
                "training needs num_classes 10, not {num_classes}: one for each kind of garment",
                num_classes=spec.num_classes,
            )
        )
    if train.dataset != "wild" and spec.in_channels != 1:
        raise ValueError(
            Message(
                "training on {dataset} needs in_channels 1, not {in_channels}: its garments "
                "are grey; dataset 'wild' has colours",
                dataset=train.dataset,
                in_channels=spec.in_channels,
            )
        )
    if train.dataset == "wild" and spec.in_channels not in WILD_CHANNELS:
        raise ValueError(
            Message(
                "training on 'wild' needs in_channels 1 (the outline), 3 (colours) or 4 "
                "(both), not {in_channels}",
                in_channels=spec.in_channels,
            )
        )
    for name in ("pictures", "framing"):
        if _is_changed(train, name):
            raise ValueError(
                Message("{name} is for dataset 'pictures': choose it, or leave this out", name=name)
            )


def _check_several(device: str) -> None:
    devices = device.split(",")
    numbered = all(re.fullmatch(r"cuda:\d{1,3}", each) for each in devices)
    if not numbered or len(set(devices)) < len(devices):
        raise ValueError(
            Message(
                "device {device!r}: several are different GPUs by number, such as cuda:0,cuda:2",
                device=device[:80],
            )
        )


def _check_own(spec: VGGSpec, train: TrainConfig) -> None:
    if not train.pictures:
        raise ValueError(
            Message("choose which pictures to train on: dataset 'pictures' means your own")
        )
    allowed = OWN_CHANNELS[train.framing]
    if spec.in_channels not in allowed:
        raise ValueError(
            Message(
                "framing {framing!r} needs in_channels {allowed}, not {in_channels}",
                framing=train.framing,
                allowed=" or ".join(map(str, allowed)),
                in_channels=spec.in_channels,
            )
        )


def _is_changed(train: TrainConfig, name: str) -> bool:
    return getattr(train, name) != getattr(TrainConfig(), name)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A named recipe: network and training, with a few words for people."""

    summary: str
    reaches: str  # accuracy, measured: see benchmarks/README.md; "" if `shipped` has it
    audience: str  # who it is for
    spec: VGGSpec
    train: TrainConfig
    shipped: str = ""  # the network that it trained, whose card says what it reaches


PRESETS: dict[str, Preset] = {
    "try-out": Preset(
        summary="A minute's try-out on 10,000 images: watch a network learn",
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
        spec=VGGSpec(
            configuration="B",
            width=Fraction(3, 8),
            batch_norm=True,
            in_channels=4,
            image_size=64,
            head="pool",
            dropout=0.2,
        ),
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
        spec=VGGSpec(
            configuration="B",
            width=Fraction(3, 8),
            batch_norm=True,
            in_channels=4,
            image_size=64,
            head="pool",
            dropout=0.2,
        ),
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
        spec=VGGSpec(
            configuration="B",
            width=Fraction(3, 8),
            batch_norm=True,
            in_channels=4,
            image_size=64,
            head="pool",
            dropout=0.2,
        ),
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
