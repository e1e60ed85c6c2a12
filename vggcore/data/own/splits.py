"""Dividing pictures up between training, validation and test."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vggcore.data.own.listing import PicturesError
from vggcore.machine.messages import Message

SPLITS = ("train", "validation", "test")
SHARE = 0.15  # of each class, for validation and for test each
MIN_PICTURES = 3  # of a class: one for each split


class Shared(NamedTuple):
    """Which picture is in which split, and how many had to be left out."""

    split: np.ndarray  # int8 [N]: place in `SPLITS`; -1: left out
    left_out: int  # pictures that belong with some in a stricter split


def split(
    labels: Sequence[int] | np.ndarray,
    hashes: Sequence[str],
    groups: Sequence[str],
    given: Sequence[str],
    classes: Sequence[str],
    seed: int,
) -> Shared:
    """The split of each picture, the same for the same seed.

    labels: of the class; hashes: equal for equal pictures; groups: equal, and not empty, for
    what belongs together; given: the split that the source names, or "". Equal pictures and
    those of a group stay in one split. Given splits are kept, except that a picture that belongs
    with one in test or validation is left out of the less strict ones. Missing splits are taken
    from the training pictures. Raises PicturesError for a class with too few different pictures.
    """
    labels = np.asarray(labels, np.int64)
    _check_enough(labels.tolist(), hashes, classes)
    split = np.full(len(labels), -1, np.int8)
    for index, name in enumerate(given):
        if name:
            split[index] = SPLITS.index(name)
    # What two splits claim stays in the stricter one: test before validation before training.
    used: set[tuple[str, str]] = set()
    left_out = 0
    for number in (2, 1):
        own = np.flatnonzero(split == number).tolist()
        for index in own:
            if _keys(index, hashes, groups) & used:
                split[index] = -1
                left_out += 1
        used |= {key for index in own for key in _keys(index, hashes, groups)}
    wanted = [number for number, name in enumerate(SPLITS) if number and name not in given]
    candidates = [i for i, name in enumerate(given) if name in ("", SPLITS[0])]
    free = [i for i in candidates if not _keys(i, hashes, groups) & used]
    left_out += len(candidates) - len(free)
    split[candidates] = -1
    split[free] = 0
    if wanted:
        _take_from_training(split, free, labels.tolist(), hashes, groups, wanted, seed)
    for number, part in enumerate(SPLITS):
        counts = np.bincount(labels[split == number], minlength=len(classes))
        for label in np.flatnonzero(counts[: len(classes)] == 0)[:1]:
            raise PicturesError(
                Message(
                    "class {name} has no picture for {part}: add pictures, or spread its "
                    "pictures over more groups",
                    name=classes[label],
                    part=Message(part),
                )
            )
    return Shared(split, left_out)


def _keys(index: int, hashes: Sequence[str], groups: Sequence[str]) -> set[tuple[str, str]]:
    """What ties a picture to others: being equal, or in the same group."""
    own = {("same", hashes[index])}
    return own | {("group", groups[index])} if groups[index] else own


def _check_enough(labels: Sequence[int], hashes: Sequence[str], classes: Sequence[str]) -> None:
    different: dict[int, set[str]] = defaultdict(set)
    for label, each in zip(labels, hashes, strict=True):
        different[label].add(each)
    for label, name in enumerate(classes):
        count = len(different[label])
        if count < MIN_PICTURES:
            raise PicturesError(
                Message(
                    "class {name} has {count} different picture(s) but needs at least "
                    "{least}: one each for training, validation and test",
                    name=name,
                    count=count,
                    least=MIN_PICTURES,
                )
            )


def _take_from_training(
    split: np.ndarray,
    free: list[int],
    labels: Sequence[int],
    hashes: Sequence[str],
    groups: Sequence[str],
    wanted: list[int],
    seed: int,
) -> None:
    """Move bundles of pictures out of training until each class has its share in `wanted`."""
    bundles = _bundles(free, hashes, groups)
    order = np.random.default_rng(seed).permutation(len(bundles))
    ordered = sorted((bundles[place] for place in order), key=len)  # random within one size
    counts = Counter(labels[i] for i in free)
    lacking = {
        (label, number): max(1, round(SHARE * count))
        for label, count in counts.items()
        for number in wanted
    }
    remaining = dict(counts)  # in training
    for bundle in ordered:
        inside = Counter(labels[i] for i in bundle)
        main = max(inside, key=lambda label: (inside[label], -label))
        number = max(wanted, key=lambda number: lacking[main, number])
        spared = all(remaining[label] > count for label, count in inside.items())
        if lacking[main, number] >= len(bundle) and spared:
            split[bundle] = number
            for label, count in inside.items():
                lacking[label, number] -= count
                remaining[label] -= count
    # If only large bundles are left: the smallest that leaves something to train on.
    there = {(labels[i], int(split[i])) for i in free}
    for (label, number), need in lacking.items():
        if need <= 0 or (label, number) in there:
            continue
        for bundle in ordered:
            inside = Counter(labels[i] for i in bundle)
            movable = (split[bundle] == 0).all() and label in inside
            if movable and all(remaining[each] > count for each, count in inside.items()):
                split[bundle] = number
                for each, count in inside.items():
                    remaining[each] -= count
                break


def _bundles(free: list[int], hashes: Sequence[str], groups: Sequence[str]) -> list[list[int]]:
    """Pictures that must stay together: of one group, equal, or linked by both in several steps."""
    parent = {i: i for i in free}

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[tuple[str, str], int] = {}
    for i in free:
        for key in (("same", hashes[i]), ("group", groups[i])):
            if key[1]:
                parent[root(i)] = root(first.setdefault(key, i))
    together: dict[int, list[int]] = defaultdict(list)
    for i in free:
        together[root(i)].append(i)
    return list(together.values())
