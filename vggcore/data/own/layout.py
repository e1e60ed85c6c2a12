"""Which class, and which split, pictures belong to by the folders that they are in.

People have data sets as they found them: with folders around everything, with a second copy of
everything inside, with split folders under many names. Whatever is guessed or left out is stated.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from vggcore.data.own.names import class_name, shortened
from vggcore.machine.messages import Message

UNUSED = "unused"
# Words in a folder's name, and values of a table's column, that say which split pictures are in.
SPLIT_WORDS = {
    word: split
    for split, words in {
        "train": "train training trn 训练",
        "validation": "validation val valid validate dev eval 验证",
        "test": "test testing tst evaluation 测试",
        UNUSED: "extra pred predict prediction predictions unlabeled unlabelled unsup",
    }.items()
    for word in words.split()
}
_PLAIN = {"train", "training", "validation", "val", "valid", "dev", "test", "testing"}
_FILLERS = ("set", "data", "dataset", "images", "image", "imgs", "img", "pictures", "photos", "集")
_WORD = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+")

NO_CLASS = Message("left out, since they are not in a class's folder")
NO_SPLIT = Message("left out, since their folder is none of training, validation and test")
NOT_IN_TRAINING = Message("left out, since no training picture is of their class")
SECOND_COPY = Message("left out as a second copy of the folders beside theirs")

Path = tuple[str, ...]


class Place(NamedTuple):
    """What a picture's folders say; `why` says why it is left out."""

    split: str = ""
    label: str = ""
    why: str = ""


class Layout(NamedTuple):
    """The place of each picture, and what people should know about how it was found."""

    places: list[Place]
    notes: tuple[str, ...] = ()


def arrange(paths: Sequence[Path]) -> Layout:
    """Find the class folders in paths, each from the outermost folder to the file's name."""
    depth = _depth_around(paths)
    inside: dict[str, set[str]] = defaultdict(set)  # by folder: the folders in it
    for path in paths:
        if len(path) > depth + 1:
            inside[path[depth]].update(path[depth + 1 : depth + 2] if len(path) > depth + 2 else ())
    names = set(inside)
    copies = {name for name in names if len(names) > 2 and inside[name] >= names - {name}}
    splits = _split_folders({name: inside[name] for name in names - copies})
    if splits:
        return _in_splits(paths, depth, splits, copies)
    swapped = _splits_in_classes(paths, depth)
    places = []
    for path in paths:
        if len(path) < depth + 2:
            places.append(Place(why=NO_CLASS))
        elif path[depth] in copies:
            places.append(Place(why=SECOND_COPY))
        elif swapped:
            places.append(_placed(swapped[path[depth + 1]], path[depth]))
        else:
            places.append(Place("", class_name(path[depth])))
    alike = sorted(name for name in names - copies if (read := _meaning(name)) and not read.rest)
    if len(alike) > 1 and not swapped:
        note = Message(
            "{names} are taken as classes: they hold no class folders", names=_listed(alike)
        )
        return Layout(places, (note,))
    return Layout(places)


def _in_splits(paths: Sequence[Path], depth: int, splits: dict[str, str], copies: set) -> Layout:
    """The places below split folders, each of which may have folders of its own around all."""
    by_split: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        if len(path) > depth + 1 and path[depth] in splits:
            by_split[path[depth]].append(path[depth + 1 :])
    trained: set[str] = set()
    at: dict[str, int] = {}  # by split folder: where in a path the class stands
    for name in sorted(splits, key=lambda name: splits[name] != "train"):
        around = _depth_around(by_split[name], trained)
        at[name] = depth + 1 + around
        if splits[name] == "train":
            trained |= {
                class_name(rest[around]) for rest in by_split[name] if len(rest) > around + 1
            }
    places = []
    for path in paths:
        name = path[depth] if len(path) > depth + 1 else ""
        if name in copies:
            places.append(Place(why=SECOND_COPY))
        elif name and name not in splits:
            places.append(Place(why=NO_SPLIT))
        elif not name or len(path) < at[name] + 2:
            places.append(Place(why=NO_SPLIT if splits.get(name) == UNUSED else NO_CLASS))
        else:
            place = _placed(splits[name], path[at[name]])
            unknown = trained and not place.why and place.label not in trained
            places.append(Place(why=NOT_IN_TRAINING) if unknown else place)
    guessed = sorted(name for name in splits if name.lower() not in _PLAIN)
    used = [f"{name} → {splits[name]}" for name in guessed if splits[name] != UNUSED]
    if used:
        note = Message("splits, by the names of their folders: {names}", names=_listed(used))
        return Layout(places, (note,))
    return Layout(places)


def _placed(split: str, folder: str) -> Place:
    return Place(why=NO_SPLIT) if split == UNUSED else Place(split, class_name(folder))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(shortened(name) for name in list(names)[:6])


def _depth_around(paths: Sequence[Path], known: Iterable[str] = ()) -> int:
    """How many folders are around all others, one in the other; `known` classes are none."""
    depth = 0
    while True:
        first = {path[depth] for path in paths if len(path) > depth + 1}
        deeper = any(len(path) > depth + 2 for path in paths)
        if len(first) != 1 or not deeper or class_name(*first) in known:
            return depth
        depth += 1


def _split_folders(inside: dict[str, set[str]]) -> dict[str, str]:
    """The split of each folder that stands for one; none if these are rather classes.

    inside: the folders in each. Names of splits may share other words, such as seg_train and
    seg_test. Beside others they count only if two hold the same classes.
    """
    groups: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for name in inside:
        if read := _meaning(name):
            groups[read.rest][name] = read.split
    best = max(groups.values(), key=len, default={})
    if len(best) < 2 or set(best.values()) == {UNUSED} or not any(inside[n] for n in best):
        return {}
    if len(best) < len(inside):
        trained = [inside[name] for name, split in best.items() if split == "train"]
        judged = [inside[name] for name, split in best.items() if split not in ("train", UNUSED)]
        if not any(one & other for one in trained for other in judged):
            return {}
    return best


def _splits_in_classes(paths: Sequence[Path], depth: int) -> dict[str, str]:
    """The split of each folder within the class folders, if all of these are divided up so."""
    if not all(len(path) > depth + 2 for path in paths if len(path) > depth + 1):
        return {}
    splits = {}
    for name in {path[depth + 1] for path in paths if len(path) > depth + 2}:
        read = _meaning(name)
        if read is None or read.rest:
            return {}
        splits[name] = read.split
    return splits if "train" in splits.values() and len(set(splits.values())) > 1 else {}


class _Meaning(NamedTuple):
    split: str
    rest: tuple[str, ...]  # the other words, without those that say nothing


def _meaning(folder: str) -> _Meaning | None:
    """What a folder's name says about a split; None unless it has exactly one word for one."""
    words = [_without_filler(word.lower()) for word in _WORD.findall(folder)]
    named = [word for word in words if word in SPLIT_WORDS]
    if len(named) != 1:
        return None
    rest = tuple(word for word in words if word not in (*named, "", *_FILLERS))
    return _Meaning(SPLIT_WORDS[named[0]], rest)


def _without_filler(word: str) -> str:
    """`trainset` as `train`."""
    for filler in _FILLERS:
        if word.removesuffix(filler) in SPLIT_WORDS:
            return word.removesuffix(filler)
    return word
