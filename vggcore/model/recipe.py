"""`TrainConfig`: one definition of a recipe for the command line, the form and the JSON.

Plain Python, no PyTorch. `fields.option` says what each field may be and how it is shown.
"""

from dataclasses import asdict, dataclass, fields

from vggcore.machine.precision import PRECISIONS
from vggcore.model.fields import checked, known_fields, option

WILD_STEPS_PER_EPOCH = 400  # with the data set "wild", whatever the batch size
WILD_CHANNELS = (1, 3, 4)  # what its networks see: outline, colours, or both
FEWEST_STEPS = 10  # in an epoch on few pictures of one's own, which are then repeated
OWN = "pictures"  # the data set of a user's own pictures
FRAMINGS = ("whole", "object")
# What networks see of one's own pictures: grey, colours, or colours and outline.
OWN_CHANNELS = {"whole": (1, 3), "object": (1, 3, 4)}
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
        label="learning rate schedule",
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
