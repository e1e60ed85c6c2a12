"""What to know about pictures before a network is trained on them."""

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from vggcore.data.own import splits
from vggcore.data.own.prepared import PictureSet
from vggcore.machine.messages import Message
from vggcore.pictures.lettering import font_for

_UNEVEN = 5.0  # ratio of the largest to the smallest class from which we warn
_FEW = 20  # training pictures of a class below which we warn
_SHOWN = 8  # pictures of a class on the contact sheet
_TILE, _GAP, _NAME, _LETTERS = 72, 4, 18, 13  # pixels
_MOST_ROWS = 50  # classes on the contact sheet


@dataclass(frozen=True)
class ClassReport:
    """One class of a set."""

    name: str
    pictures: int
    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class PictureReport:
    """Counts, sizes, and what deserves a look."""

    classes: tuple[ClassReport, ...]
    smallest: tuple[int, int]  # width and height, pixels, as decoded (at most 512)
    median: tuple[int, int]
    largest: tuple[int, int]
    damaged: tuple[tuple[str, str], ...]  # name, and why it cannot be used
    copies: tuple[tuple[str, ...], ...]  # names of pictures that are equal
    contradictions: tuple[tuple[str, ...], ...]  # equal pictures in different classes
    left_out: tuple[str, ...]  # one sentence each
    kept_from_training: int  # pictures that belong with some in validation or test
    in_memory: bool  # or read from disk in training

    @property
    def pictures(self) -> int:
        return sum(one.pictures for one in self.classes)

    @property
    def imbalance(self) -> float:
        """Size of the largest class relative to the smallest."""
        counts = [one.pictures for one in self.classes]
        return max(counts) / max(1, min(counts))

    def warnings(self) -> list[str]:
        """Sentences on what may make a network worse than it could be."""
        lines: list[str] = []
        if self.damaged:
            lines.append(self._damaged())
        if self.contradictions:
            lines.append(self._contradictions())
        if self.copies:
            lines.append(self._copies())
        if self.kept_from_training == 1:
            lines.append(
                Message(
                    "1 picture is left out: it is equal to a validation or test picture, or in a "
                    "group with one"
                )
            )
        elif self.kept_from_training:
            lines.append(
                Message(
                    "{count} pictures are left out: they are equal to a validation or test "
                    "picture, or in a group with one",
                    count=self.kept_from_training,
                )
            )
        if self.imbalance > _UNEVEN:
            most = max(self.classes, key=lambda one: one.pictures)
            least = min(self.classes, key=lambda one: one.pictures)
            lines.append(
                Message(
                    "{most} has {many:,} pictures and {least} {few:,}: the network will favour "
                    "what it sees often",
                    most=most.name,
                    many=most.pictures,
                    least=least.name,
                    few=least.pictures,
                )
            )
        small = [one.name for one in self.classes if one.train < _FEW]
        if len(small) == 1:
            lines.append(
                Message(
                    "{name} has fewer than {least} pictures to train on: expect little of it",
                    name=small[0],
                    least=_FEW,
                )
            )
        elif small:
            lines.append(
                Message(
                    "{count} classes have fewer than {least} pictures to train on: expect little "
                    "of {names}",
                    count=len(small),
                    least=_FEW,
                    names=", ".join(small[:3]),
                )
            )
        return [*lines, *self.left_out]

    def _damaged(self) -> Message:
        name, why = self.damaged[0]
        if len(self.damaged) == 1:
            return Message("{name} cannot be used: {why}", name=name, why=Message(why))
        return Message(
            "{count} pictures cannot be used, such as {name}: {why}",
            count=len(self.damaged),
            name=name,
            why=Message(why),
        )

    def _contradictions(self) -> Message:
        names = ", ".join(self.contradictions[0][:3])
        if len(self.contradictions) == 1:
            return Message("the same picture is in several classes at once: {names}", names=names)
        return Message(
            "{count} pictures are in several classes at once, such as {names}",
            count=len(self.contradictions),
            names=names,
        )

    def _copies(self) -> Message:
        names = ", ".join(self.copies[0][:3])
        if len(self.copies) == 1:
            return Message(
                "the same picture is there more than once ({names}): copies stay in the same split",
                names=names,
            )
        return Message(
            "{count} pictures are there more than once, such as {names}: copies "
            "stay in the same split",
            count=len(self.copies),
            names=names,
        )

    def to_dict(self) -> dict:
        """JSON-ready."""
        return {
            "pictures": self.pictures,
            "classes": [vars(one) for one in self.classes],
            "imbalance": round(self.imbalance, 2),
            "sizes": {"smallest": self.smallest, "median": self.median, "largest": self.largest},
            "damaged": [list(one) for one in self.damaged],
            "copies": [list(names) for names in self.copies],
            "contradictions": [list(names) for names in self.contradictions],
            "kept_from_training": self.kept_from_training,
            "in_memory": self.in_memory,
            "warnings": [str(one) for one in self.warnings()],
        }


def report(pictures: PictureSet, *, in_memory: bool, seed: int = 0) -> PictureReport:
    """The report. Raises PicturesError if the pictures cannot be split; see `splits.split`."""
    shared = pictures.shared(seed)
    rows = []
    for label, name in enumerate(pictures.classes):
        of_class = shared.split[pictures.labels == label]
        parts = [int((of_class == number).sum()) for number in range(len(splits.SPLITS))]
        rows.append(ClassReport(name, len(of_class), *parts))
    alike: dict[str, list[int]] = defaultdict(list)
    for place, each in enumerate(pictures.hashes):
        alike[each].append(place)
    several = [places for places in alike.values() if len(places) > 1]
    mixed = [places for places in several if len({int(pictures.labels[i]) for i in places}) > 1]
    areas = np.argsort(pictures.sizes.prod(axis=1), kind="stable")
    smallest, median, largest = (
        (int(width), int(height))
        for width, height in pictures.sizes[[areas[0], areas[len(areas) // 2], areas[-1]]]
    )
    return PictureReport(
        classes=tuple(rows),
        smallest=smallest,
        median=median,
        largest=largest,
        damaged=tuple(pictures.damaged),
        copies=tuple(tuple(pictures.names[i] for i in places) for places in several),
        contradictions=tuple(tuple(pictures.names[i] for i in places) for places in mixed),
        left_out=pictures.left_out,
        kept_from_training=shared.left_out,
        in_memory=in_memory,
    )


def legend(classes: tuple[str, ...]) -> dict[int, str]:
    """Classes that stand on the contact sheet as numbers: no font here has their letters."""
    return {
        number: name
        for number, name in enumerate(classes[:_MOST_ROWS], start=1)
        if font_for(name, _LETTERS) is None
    }


def contact_sheet(pictures: PictureSet) -> Image.Image:
    """A row of each class's pictures, as the network gets them, with its name or its number.

    The names to the numbers are in `legend`.
    """
    counts = Counter(pictures.labels.tolist())
    rows = list(range(len(pictures.classes)))[:_MOST_ROWS]
    width = _SHOWN * (_TILE + _GAP) + _GAP
    row = _NAME + _TILE + _GAP
    sheet = Image.new("RGB", (width, row * len(rows) + _GAP), "white")
    brush = ImageDraw.Draw(sheet)
    for number, label in enumerate(rows):
        top = number * row + _GAP
        name = f"{pictures.classes[label]} ({counts[label]:,})"
        if (font := font_for(name, _LETTERS)) is None:
            name = f"{number + 1} ({counts[label]:,})"
            font = font_for(name, _LETTERS)
        brush.text((_GAP, top), name, fill="black", font=font)
        places = np.flatnonzero(pictures.labels == label)
        if len(places) > _SHOWN:  # from across the class
            places = places[np.linspace(0, len(places) - 1, _SHOWN).astype(int)]
        for column, place in enumerate(places):
            image = pictures.images[place]
            tile = Image.fromarray(
                np.ascontiguousarray(image[..., :3] if image.ndim == 3 else image)
            )
            tile = tile.convert("RGB").resize((_TILE, _TILE))
            sheet.paste(tile, (_GAP + column * (_TILE + _GAP), top + _NAME))
    return sheet
