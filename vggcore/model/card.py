"""A checkpoint's card: which network it is, how pictures reach it, and how it was trained.

Cards are JSON files beside the weights. Other versions' cards are read too: unknown entries are
kept, missing ones get a default. No PyTorch.
"""

import math
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from vggcore.machine.messages import Message
from vggcore.machine.values import a_number, an_object, known
from vggcore.model.architectures import VGGSpec
from vggcore.pictures.preprocessing import Preprocessing

REQUIRED = ("spec", "preprocessing", "classes", "sha256")
GARMENTS = ("fashion-mnist", "wild")  # data sets whose test images are Fashion-MNIST's


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """When an answer is "unsure"; see `answers.calibration`."""

    evidence: float = float("-inf")  # a picture whose largest logit is below this shows no garment
    by_class: tuple[float, ...] = ()  # the same for each class that is named; (): one for all
    drawings: tuple[float, ...] = ()  # the same for drawings; (): as for other pictures
    probability: float = 0.5  # calibrated probability below which no class is clear
    allowed: float = 0.0  # share of good garments that may be called unsure

    @classmethod
    def from_dict(cls, values: dict) -> "Thresholds":
        """Inverse of `to_dict`. Raises ValueError naming what is wrong."""
        usable = known(cls, values, "unsure")
        for name, value in usable.items():
            if name in ("by_class", "drawings"):
                if not isinstance(value, list):
                    raise ValueError(
                        Message(
                            "unsure.{name} must be a list, not {value!r}", name=name, value=value
                        )
                    )
                usable[name] = tuple(float(a_number(one, name)) for one in value)
            else:
                usable[name] = float(a_number(value, name))
        return cls(**usable)

    def to_dict(self) -> dict:
        """JSON-ready."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        lists = {name: list(value) for name, value in values.items() if isinstance(value, tuple)}
        return {name: v for name, v in (values | lists).items() if v != []}

    def evidence_for(self, drawn: bool, classes: int) -> tuple[float, ...]:
        """The evidence needed to name each class, in a drawing or in any other picture."""
        photos = self.by_class or (self.evidence,) * classes
        return (self.drawings or photos) if drawn else photos


@dataclass(frozen=True, kw_only=True)
class TrainedOn:
    """The pictures that a network was trained on."""

    name: str = ""  # of the data set
    train_images: int | None = None
    split_seed: int = 0
    sha256: str = ""  # of images and labels
    sources: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, values: dict) -> "TrainedOn":
        """Inverse of `to_dict`. Raises ValueError naming what is wrong."""
        usable = known(cls, values, "data")
        if not isinstance(usable.get("sources", []), list):
            raise ValueError(
                Message("data.sources must be a list, not {value!r}", value=usable["sources"])
            )
        return cls(**usable | {"sources": tuple(usable.get("sources", ()))})

    def to_dict(self) -> dict:
        """JSON-ready, without unknown values."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values["sources"] = list(self.sources)
        return {key: value for key, value in values.items() if value not in (None, "", [])}

    @property
    def on_garments(self) -> bool:
        """Whether its test accuracy was measured on Fashion-MNIST's test images."""
        return self.name in GARMENTS


@dataclass(frozen=True, kw_only=True)
class Card:
    """All that is known about a checkpoint; None, "" or {} for what is not."""

    spec: VGGSpec
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    sha256: str = ""  # of the weights file
    name: str = ""
    preset: str | None = None
    created: str = ""  # ISO 8601, UTC
    code_version: str = ""
    train: dict = field(default_factory=dict)  # the recipe, as `TrainConfig.to_dict` gives it
    data: TrainedOn = TrainedOn()
    seed: int | None = None
    val_accuracy: float | None = None  # 0 to 1, like all accuracies
    by_kind: dict = field(default_factory=dict)  # accuracy on validation, by kind of picture
    best_epoch: int | None = None
    test_accuracy: float | None = None
    test_images: int | None = None  # that the test accuracy was measured on
    test_top5: float | None = None  # with more than 20 classes: one of the five likeliest
    epochs: int | None = None
    steps: int | None = None
    seconds: float | None = None  # of training
    device: str = ""
    precision: str = ""
    machine: str = ""
    processes: int | None = None
    torch: str = ""  # its version
    temperature: float = 1.0  # logits are divided by this before the softmax
    unsure: Thresholds | None = None
    parameters: int | None = None
    network: str = ""  # the spec's name
    weights_bytes: int | None = None
    run: str = ""  # the run it was promoted from
    others: dict = field(default_factory=dict)  # what this version knows nothing about

    @classmethod
    def from_dict(cls, values: dict) -> "Card":
        """Inverse of `to_dict`. Raises ValueError naming what is missing or wrong."""
        for key in REQUIRED:
            if not isinstance(values, dict) or values.get(key) is None:
                raise ValueError(Message("it lacks {key}", key=key))
        own = {f.name for f in fields(cls)} - {"others"}
        usable: dict = {
            key: value for key, value in values.items() if key in own and value is not None
        }
        others = {key: value for key, value in values.items() if key not in own}
        spec = VGGSpec.from_dict(usable["spec"])
        way = an_object(usable["preprocessing"], "preprocessing")
        for name in (
            "val_accuracy",
            "test_accuracy",
            "test_images",
            "test_top5",
            "temperature",
            "seconds",
        ):
            if name in usable:
                a_number(usable[name], name)
        if not 0 < usable.get("temperature", 1) < math.inf:
            raise ValueError(
                Message(
                    "temperature must be above 0 and finite, not {value}",
                    value=usable["temperature"],
                )
            )
        if not isinstance(usable["classes"], list):
            raise ValueError(
                Message("classes must be a list, not {value!r}", value=usable["classes"])
            )
        preprocessing = Preprocessing.from_dict({"image_size": spec.image_size} | way)
        for name in ("mean", "std"):
            count = len(getattr(preprocessing, name))
            if count not in (1, spec.in_channels):
                raise ValueError(
                    Message(
                        "preprocessing.{name} has {count} numbers: one, or one for each of the "
                        "{channels} channels, is allowed",
                        name=name,
                        count=count,
                        channels=spec.in_channels,
                    )
                )
        usable |= {
            "spec": spec,
            "preprocessing": preprocessing,
            "classes": tuple(map(str, usable["classes"])),
            "sha256": str(usable["sha256"]),
            "data": TrainedOn.from_dict(usable.get("data", {})),
            "train": an_object(usable.get("train", {}), "train"),
            "by_kind": {
                str(kind): a_number(accuracy, f"by_kind.{kind}")
                for kind, accuracy in an_object(usable.get("by_kind", {}), "by_kind").items()
            },
            "temperature": float(usable.get("temperature") or 1.0),
        }
        if "unsure" in usable:
            usable["unsure"] = Thresholds.from_dict(usable["unsure"])
        return cls(**usable, others=others)

    def check_classes(self) -> None:
        """Raises ValueError unless it names each of its network's classes, at least two."""
        named, count = len(self.classes), self.spec.num_classes
        if named != count:
            raise ValueError(
                Message(
                    "it names {named:,} classes, and its network has {count:,}",
                    named=named,
                    count=count,
                )
            )
        if count < 2:
            raise ValueError(Message("its network has one class: two or more are needed"))
        if len(set(self.classes)) < named:
            raise ValueError(Message("the names of its classes must differ"))

    def for_others(self) -> "Card":
        """The card without its owner's folders of pictures and networks: paths become names."""

        def named(values: dict, *keys: str) -> dict:
            present = {key: values[key] for key in keys if values.get(key)}
            return values | {key: Path(str(value)).name for key, value in present.items()}

        others = dict(self.others)
        if isinstance(others.get("corrections"), dict):
            others["corrections"] = named(others["corrections"], "start")
        return replace(self, train=named(self.train, "pictures", "init_from"), others=others)

    def to_dict(self) -> dict:
        """JSON-ready, without unknown values except the test accuracy and the thresholds."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "others"}
        values |= {
            "spec": self.spec.to_dict(),
            "preprocessing": self.preprocessing.to_dict(),
            "classes": list(self.classes),
            "data": self.data.to_dict(),
            "unsure": self.unsure.to_dict() if self.unsure else None,
        }
        always = ("test_accuracy", "unsure")
        written = {k: v for k, v in values.items() if k in always or v not in (None, "", {})}
        return written | self.others
