"""Tiny ImageNet's photos, 64×64 in colour: real sandals, coats and bags, and other things.

The file is a zip with one folder for each kind, named after WordNet: `n04133789_sandal/….webp`.
docs/data.md says where it comes from and which kinds are left out.
"""

import zipfile
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from vggcore.data import raw_files
from vggcore.data.classes import Label
from vggcore.data.own.zips import DAMAGE
from vggcore.machine import paths
from vggcore.machine.messages import Message

FILE = "tiny-imagenet.zip"
# Kinds of clothing that are one of the ten classes, or one of two. The zip's other clothing
# (kimonos, aprons, socks …) is in no pool: it is neither one of the ten nor "no garment".
CLOTHING: dict[str, tuple[Label, ...]] = {
    "sandal": (Label.SANDAL,),
    "cardigan": (Label.PULLOVER, Label.COAT),
    "fur_coat": (Label.COAT,),
    "backpack": (Label.BAG,),
}
_OTHER_CLOTHING = (
    *("vestment", "swimming_trunks", "sock", "poncho", "miniskirt", "military_uniform"),
    *("kimono", "bikini", "apron", "academic_gown", "christmas_stocking"),
)
# Kinds of things whose photos often show people in clothes.
_WITH_PEOPLE = (
    *("barbershop", "basketball", "bow_tie", "butcher_shop", "drumstick", "dumbbell", "gasmask"),
    *("ice_lolly", "jinrikisha", "maypole", "neck_brace", "oboe", "plunger", "pole"),
    *("potters_wheel", "punching_bag", "rugby_ball", "snorkel", "sombrero", "sunglasses", "torch"),
    *("umbrella", "volleyball", "wooden_spoon"),
)


def other_things() -> list[str]:
    """Kinds that show no garment, in order. Raises DataMissing, ValueError."""
    left_out = {*CLOTHING, *_OTHER_CLOTHING, *_WITH_PEOPLE}
    return [kind for kind in _listing() if kind not in left_out]


def require() -> None:
    """Raise DataMissing or ValueError unless the zip is here with every kind of clothing."""
    for kind in CLOTHING:
        _named(kind)


def read(kinds: Iterable[str], limit: int | None = None) -> Iterator[tuple[str, str, bytes]]:
    """Kind, name and encoded picture of the first `limit` photos of each of these kinds.

    Raises DataMissing without the zip, ValueError if it cannot be read or lacks a kind.
    """
    names = [name for kind in kinds for name in _named(kind)[:limit]]
    file = paths.data_dir() / FILE
    try:
        with zipfile.ZipFile(file) as archive:
            for name in names:
                yield _kind(name), name.split("/")[-1], archive.read(name)
    except (*DAMAGE, OSError) as error:
        raise ValueError(
            Message(
                "{file} cannot be read: {error}", file=str(paths.data_dir() / FILE), error=error
            )
        ) from error


def _kind(name: str) -> str:
    """ "sandal" of …/n04133789_sandal/….webp."""
    return name.split("/")[-2].partition("_")[2] if "/" in name else ""


def _named(kind: str) -> list[str]:
    names = _listing().get(kind)
    if not names:
        raise ValueError(
            Message(
                "{file} has no photos of the kind {kind}", file=paths.data_dir() / FILE, kind=kind
            )
        )
    return names


def _listing() -> dict[str, list[str]]:
    file = paths.data_dir() / FILE
    if not file.is_file():
        raise raw_files.DataMissing(
            Message(
                "the preset wild needs {file}, which is not in {folder}: see docs/data.md, and "
                "put it there or point VGGCORE_DATA at the folder that has it",
                file=FILE,
                folder=str(file.parent),
            )
        )
    return _names(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _names(file: Path, changed: int) -> dict[str, list[str]]:
    """Names of the photos in the zip, by kind, both in order; read again once it has changed."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = sorted(name for name in archive.namelist() if name.endswith(".webp"))
    except (*DAMAGE, OSError) as error:
        raise ValueError(
            Message("{file} cannot be read: {error}", file=str(file), error=error)
        ) from error
    by_kind: dict[str, list[str]] = {}
    for name in names:
        by_kind.setdefault(_kind(name), []).append(name)
    return by_kind
