"""Real pictures for training and for judging, and which classes count as right for each."""

import csv
import hashlib
import io
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from vggcore.data import raw_files
from vggcore.data.classes import CLASSES, Label
from vggcore.machine import paths
from vggcore.machine.messages import Message
from vggcore.pictures import strokes
from vggcore.wild import icons, tiny_imagenet

NONE = len(CLASSES)  # target column for pictures without a garment
WORN = "street-worn"  # garments worn by people, with masks
KINDS = "tiny-imagenet"  # small photos of single kinds of clothing
FLAT = ("clothing-small", "clothing-extra")  # garments alone
PHOTO_SOURCES = (*FLAT, WORN, KINDS)
SKETCH_SOURCES = ("quickdraw-strokes", "quickdraw-raster")
SOURCES = PHOTO_SOURCES + SKETCH_SOURCES
HELD_OUT_TENTH = 0  # files whose hash ends in this decimal digit are for validation only
STREETS = "photos-street"  # photos of WORN with no person in them
NONE_PHOTOS = ("photos-things", STREETS, "photos-objects")  # no garments
NONE_KINDS = "tiny-imagenet-things"  # photos of single kinds of other things
_PER_KIND = 100  # photos of each
_CORRECTIONS = Path(__file__).parent / "label_corrections.csv"
_ALSO = 0.6  # weight of the other classes that a broad source class may mean
_FOLDERS = {
    "cardigan": None,
    "fur_coat": Label.COAT,
    "backpack": Label.BAG,
    "t-shirt_top": Label.T_SHIRT,
    "trouser": Label.TROUSER,
    "pullover": Label.PULLOVER,
    "dress": Label.DRESS,
    "coat": Label.COAT,
    "sandal": Label.SANDAL,
    "shirt": Label.SHIRT,
    "sneaker": Label.SNEAKER,
    "bag": Label.BAG,
    "ankle_boot": Label.ANKLE_BOOT,
    "footwear_other": None,
}
FOLDER_OF: dict[int, str] = {
    label: folder for folder, label in _FOLDERS.items() if label is not None
}
# Classes accepted in fairness besides the folder's own: the sources' classes are broader.
ACCEPTED = {
    "photos": {
        "pullover": (Label.SHIRT, Label.T_SHIRT),
        "coat": (Label.PULLOVER,),
        "shirt": (Label.T_SHIRT,),
        "t-shirt_top": (Label.SHIRT,),
        "sneaker": (Label.ANKLE_BOOT,),
        "ankle_boot": (Label.SNEAKER,),
        "footwear_other": (Label.SANDAL, Label.SNEAKER, Label.ANKLE_BOOT),
        "cardigan": (Label.PULLOVER, Label.COAT),
    },
    "sketches": {
        "pullover": (Label.SHIRT, Label.COAT),
        "coat": (Label.SHIRT, Label.PULLOVER),
        "shirt": (Label.T_SHIRT, Label.COAT),
        "t-shirt_top": (Label.SHIRT,),
        "sneaker": (Label.ANKLE_BOOT,),
        "ankle_boot": (Label.SNEAKER,),
        "footwear_other": (Label.SANDAL, Label.SNEAKER, Label.ANKLE_BOOT),
    },
}


class Item(NamedTuple):
    """One picture that was not made up: from a development source, or an icon."""

    source: str  # of SOURCES, "icons" or "not-garments"
    folder: str  # class folder; for "not-garments" the category, or one of `NONE_PHOTOS`
    name: str  # says which picture, for people
    content: Path | bytes | str | np.ndarray  # picture file, its bytes, strokes as JSON, or pixels
    corrected: tuple[Label, ...] = ()  # accepted instead of the folder's classes, best first

    @property
    def kind(self) -> str:
        return "photos" if self.source in PHOTO_SOURCES else "sketches"

    @property
    def strict(self) -> int | None:
        """The folder's class, or the corrected one; None if it is none of ours."""
        return self.corrected[0] if self.corrected else _FOLDERS.get(self.folder)

    @property
    def accepted(self) -> tuple[int, ...]:
        """All classes accepted as right, the folder's own or the corrected one first."""
        if self.corrected:
            return self.corrected
        also = ACCEPTED[self.kind].get(self.folder, ())
        return also if self.strict is None else (self.strict, *also)

    @property
    def held_out(self) -> bool:
        """Whether this picture is for validation instead of training.

        Garments worn by one person in one photo stay together.
        """
        name = f"{self.source}/{self.folder}/{self.name}"
        if self.source == WORN:
            name = f"{self.source}/{self.name.split('_')[0]}"
        return hashlib.sha256(name.encode()).digest()[0] % 10 == HELD_OUT_TENTH

    def picture(self, pen: float = strokes.DEFAULT_SIZE) -> Image.Image:
        """The picture, RGB; strokes drawn with a pen of `pen` canvas units."""
        if isinstance(self.content, np.ndarray):
            return Image.fromarray(self.content).convert("RGB")
        if isinstance(self.content, Path | bytes):
            file = self.content if isinstance(self.content, Path) else io.BytesIO(self.content)
            with Image.open(file) as image:
                return image.convert("RGB")
        assert isinstance(self.content, str)
        drawn = [stroke._replace(size=pen) for stroke in strokes.parse_strokes(self.content)]
        return Image.fromarray(strokes.render(drawn, 256)).convert("RGB")

    def masks(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the garment is, and where its wearer is: both bool [H, W].

        Only pictures of `WORN` have them.
        """
        assert self.source == WORN and isinstance(self.content, Path)
        folder = self.content.parents[3] / "photo-masks" / WORN / self.folder
        with Image.open(folder / f"{self.content.stem}.png") as image:
            mask = np.asarray(image.convert("L"))
        return mask > 191, mask > 63


@lru_cache(maxsize=1)
def corrections() -> dict[tuple[str, str, str], tuple[Label, ...]]:
    """By source, folder and name: classes given by eye, best first; none to leave it out.

    docs/data.md has the rules.
    """
    with _CORRECTIONS.open(newline="", encoding="utf-8") as file:
        return {
            (row["source"], row["folder"], row["name"]): _classes(row["classes"])
            for row in csv.DictReader(file)
        }


def _classes(folders: str) -> tuple[Label, ...]:
    """Classes from the names of their folders, separated by spaces."""
    classes = []
    for folder in folders.split():
        label = _FOLDERS.get(folder)
        if label is None:
            raise ValueError(
                Message(
                    "{name} names an unknown class: {folder!r}",
                    name=_CORRECTIONS.name,
                    folder=folder,
                )
            )
        classes.append(label)
    return tuple(classes)


def _corrected(items: list[Item]) -> list[Item]:
    """The items with corrected classes, without those to leave out."""
    corrected = []
    for item in items:
        classes = corrections().get((item.source, item.folder, item.name))
        if classes is None:
            corrected.append(item)
        elif classes:
            corrected.append(item._replace(corrected=classes))
    return corrected


def development_items(sources=SOURCES, *, corrected: bool = True) -> list[Item]:
    """All real garments of these development sources. Raises DataMissing.

    corrected: with `corrections`, instead of all pictures with the classes of their folders.
    """
    items = []
    for source in sources:
        if source == KINDS:
            items += [
                Item(KINDS, kind, name, content)
                for kind, name, content in tiny_imagenet.read(tiny_imagenet.CLOTHING)
            ]
            continue
        folder = _folder("photos" if source in PHOTO_SOURCES else "sketches", source)
        for class_folder in sorted(folder.iterdir()):
            for file in sorted(class_folder.iterdir()):
                items += _items_of(source, class_folder.name, file)
    return _corrected(items) if corrected else items


def icon_items() -> list[Item]:
    """Icons of garments from open icon sets."""
    return [
        Item("icons", icon.folder, f"{icon.set}/{icon.name}", pixels)
        for icon, pixels in icons.load()
    ]


def not_garments() -> list[Item]:
    """Drawings of other things. Raises DataMissing."""
    files = sorted(_folder("not-garments", "quickdraw-strokes").glob("*.ndjson"))
    return [item for file in files for item in _items_of("not-garments", file.stem, file)]


def not_garment_photos() -> list[Item]:
    """Photos of other things: animals, rooms, streets, small objects. Raises DataMissing."""
    folders = [_folder("not-garments", name) for name in NONE_PHOTOS]
    return [
        Item("not-garments", folder.name, str(file.relative_to(folder)), file)
        for folder in folders
        for file in sorted(folder.rglob("*"))
        if file.suffix in (".jpg", ".jpeg", ".png")
    ]


def not_garment_kinds(*, trained: bool) -> list[Item]:
    """Photos of single kinds of other things: of those trained on, or of the held-out quarter.

    Raises DataMissing.
    """
    kinds = [kind for kind in tiny_imagenet.other_things() if trained_kind(kind) == trained]
    return [
        Item("not-garments", NONE_KINDS, f"{kind}/{name}", content)
        for kind, name, content in tiny_imagenet.read(kinds, _PER_KIND)
    ]


def trained_kind(kind: str) -> bool:
    """Whether this kind of `NONE_KINDS` is trained on; the others test "unsure"."""
    return hashlib.sha256(kind.encode()).digest()[0] % 4 != 0


def trained_category(category: str) -> bool:
    """Whether drawings of this non-garment are trained on; the other half tests "unsure"."""
    return hashlib.sha256(category.encode()).digest()[0] % 2 == 0


def trained_photo(item: Item) -> bool:
    """Whether this one of `not_garment_photos` is trained on; the other half tests "unsure".

    Split by kind of thing, street photo and kind of small object, so that the halves share none.
    """
    kind = Path(item.name).stem
    if item.folder != "photos-things":
        kind = kind.split("_")[0]
    return trained_category(f"{item.folder}/{kind}")


def is_held_out_street(item: Item) -> bool:
    """Whether a photo of `STREETS` shows the street of a validation picture."""
    return Item(WORN, "", Path(item.name).stem, "").held_out


def require() -> None:
    """Raise DataMissing or ValueError, in one line, unless all the pictures for `wild` are here."""
    for source in SOURCES:
        if source != KINDS:
            _folder("photos" if source in PHOTO_SOURCES else "sketches", source)
    for name in ("quickdraw-strokes", *NONE_PHOTOS):
        _folder("not-garments", name)
    _folder("photo-masks", WORN)
    tiny_imagenet.require()


def _folder(*parts: str) -> Path:
    folder = paths.data_dir().joinpath("garments-dev", *parts)
    if not folder.is_dir():
        raise raw_files.DataMissing(
            Message(
                "the preset wild needs photos and drawings that are not in {folder}: see "
                "docs/data.md, and put them there or point VGGCORE_DATA at the folder that has "
                "garments-dev",
                folder=str(folder),
            )
        )
    return folder


def _items_of(source: str, folder: str, file: Path) -> list[Item]:
    if file.suffix != ".ndjson":
        return [Item(source, folder, file.name, file)]
    lines = [line for line in file.read_text().splitlines() if line.strip()]
    return [Item(source, folder, f"{file.stem}-{n}", line) for n, line in enumerate(lines)]


def target_of(item: Item) -> np.ndarray:
    """Weights of the classes that this picture may belong to: float32 [11]."""
    if item.source == "not-garments":
        return weights_of(NONE)
    if item.strict is not None:
        return weights_of(item.strict, item.accepted)
    target = np.zeros(NONE + 1, np.float32)
    target[list(item.accepted)] = 1
    return target


def weights_of(label: int, also: tuple[int, ...] = ()) -> np.ndarray:
    """Weights float32 [11] of a picture of `label` that may also be of other classes."""
    target = np.zeros(NONE + 1, np.float32)
    target[list(also)] = _ALSO
    target[label] = 1
    return target
