"""Named sets of pictures: kept in one folder, where every page finds them."""

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vggcore.data.own import known_sets, zips
from vggcore.data.own.listing import PicturesError, of_folder
from vggcore.data.own.names import class_name, folder_name
from vggcore.machine import paths
from vggcore.machine.files import write_atomically
from vggcore.machine.messages import Message

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_SUFFIXES = ("", ".zip")  # a folder, or a zip
CORRECTIONS = "corrections"  # names of sets of corrections begin with this


class NameTaken(PicturesError):
    """Another process has just stored pictures under that name."""


def folder() -> Path:
    """Where named sets are kept."""
    return paths.pictures_dir()


def names() -> list[str]:
    """Names of the kept sets, in order, without those of corrections."""
    root = folder()
    if not root.is_dir():
        return []
    existing = {
        place.name.removesuffix(".zip")
        for place in root.iterdir()
        if place.is_dir() or place.suffix == ".zip"
    }
    return sorted(
        name for name in existing if _NAME.fullmatch(name) and not name.startswith(CORRECTIONS)
    )


def exists(name: str) -> bool:
    """Whether a set has this name, sets of corrections included."""
    return any((folder() / f"{name}{suffix}").exists() for suffix in _SUFFIXES)


def is_named(source: str) -> bool:
    """Whether `source` is the name of a set, ours or a known one, rather than a path."""

    return source in known_sets.NAMES or bool(_NAME.fullmatch(source) and exists(source))


def find(source: str) -> Path:
    """The folder, zip or CSV that `source` means: one of our names, or a path.

    Raises PicturesError listing the known names.
    """
    if _NAME.fullmatch(source):
        for suffix in _SUFFIXES:
            if (place := folder() / f"{source}{suffix}").exists():
                return place
    try:
        if source and (path := Path(source).expanduser()).exists():
            return path
    except (OSError, ValueError, RuntimeError):  # too long, contains a NUL, no such user
        pass

    known = ", ".join([*names(), *known_sets.NAMES])
    raise PicturesError(
        Message(
            "there are no pictures at {source!r}: give a folder, a zip, a CSV, or one of {known}",
            source=source[:100],
            known=known,
        )
    )


def check_name(name: str) -> str:
    """`name`, if it is allowed and not taken. Raises PicturesError."""

    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.endswith(".zip"):
        raise PicturesError(
            Message(
                "{name!r} is not a name for pictures: use up to 63 lower-case letters, digits, "
                "'-', '_' and '.', starting with a letter or digit",
                name=str(name)[:80],
            )
        )
    if name in known_sets.NAMES or exists(name):
        raise PicturesError(
            Message("there are pictures named {name!r} already: choose another name", name=name)
        )
    return name


def keep_zip(name: str, content: bytes) -> Path:
    """Keep a zip under a name. Raises PicturesError; an unusable zip is not kept."""

    _check_not_reserved(check_name(name))
    with _trial() as trial:
        file = trial / f"{name}.zip"
        file.write_bytes(content)
        zips.listing(file, name)
        target = folder() / file.name
        target.touch(exist_ok=False)  # claims the name
        return file.replace(target)


@contextmanager
def _trial() -> Iterator[Path]:
    """A private folder beside the sets. Errors with files become PicturesError."""
    trial = None
    try:
        folder().mkdir(parents=True, exist_ok=True)
        trial = Path(tempfile.mkdtemp(dir=folder(), prefix=".new-"))
        yield trial
    except FileExistsError:
        raise NameTaken(Message("that name has just been taken: try again")) from None
    except OSError as error:
        raise PicturesError(
            Message("cannot write to {place}: {why}", place=folder(), why=error.strerror or error)
        ) from None
    finally:
        if trial:
            shutil.rmtree(trial, ignore_errors=True)


def _check_not_reserved(name: str) -> None:
    if name.startswith(CORRECTIONS):
        raise PicturesError(
            Message(
                "names that begin with {reserved} are for corrections: choose another name",
                reserved=CORRECTIONS,
            )
        )


def keep_pictures(name: str, pictures: list[tuple[str, bytes]]) -> Path:
    """Keep pictures, given with their classes, as PNG in class folders.

    We have already decoded and re-encoded them. They are listed again before they count as kept.
    Raises PicturesError, FileError.
    """
    _check_not_reserved(check_name(name))
    counts = Counter(check_class(label) for label, _ in pictures)

    def check(place: Path) -> None:
        listing = of_folder(place, name)
        if Counter(listing.classes[entry.label] for entry in listing.entries) != counts:
            raise PicturesError(Message("{name} was not kept as it was given", name=name))

    return _keep(name, pictures, folder_name, check)


def keep_corrections(pictures: list[tuple[str, bytes]]) -> str:
    """The same, under the first free name for corrections; returns the name."""
    return _keep_numbered(pictures, folder_name)


def _keep_numbered(pictures: list[tuple[str, bytes]], named: Callable[[str], str]) -> str:
    number = 1
    while True:
        name = f"{CORRECTIONS}-{number}"
        if not exists(name):
            with suppress(NameTaken):
                _keep(name, pictures, named)
                return name
        number += 1


def keep_copy(pictures: list[tuple[str, bytes]]) -> str:
    """`keep_corrections` for pictures whose folders already have their names."""
    return _keep_numbered(pictures, str)


def _keep(
    name: str,
    pictures: list[tuple[str, bytes]],
    named: Callable[[str], str],
    check: Callable[[Path], None] = lambda place: None,
) -> Path:
    """Keep each in its class's folder, as `named`, if they pass the check.

    Raises NameTaken if the name was just taken.
    """
    target = folder() / name
    with _trial() as trial:
        for number, (label, png) in enumerate(pictures):
            place = trial / named(label)
            place.mkdir(exist_ok=True)
            write_atomically(place / f"{number:05}.png", png)
        check(trial)
        trial.chmod(0o755)
        target.mkdir()  # claims the name
        for place in list(trial.iterdir()):
            place.rename(target / place.name)
    return target


def check_class(label: str) -> str:
    """The name, if pictures can be kept under it. Raises PicturesError."""
    if not label.strip() or class_name(folder_name(label)) != label:
        raise PicturesError(Message("{label!r} cannot be the name of a class", label=label[:60]))
    return label


def delete(name: str) -> None:
    """Delete a kept set, of corrections too. Raises PicturesError if there is none."""
    if not (_NAME.fullmatch(name) and exists(name)):
        raise PicturesError(Message("there are no pictures named {name!r}", name=name[:80]))
    shutil.rmtree(folder() / name, ignore_errors=True)
    (folder() / f"{name}.zip").unlink(missing_ok=True)
