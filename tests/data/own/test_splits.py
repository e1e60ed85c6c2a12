from collections import Counter

import pytest

from vggcore.data.own.listing import PicturesError
from vggcore.data.own.splits import split

CLASSES = ("a", "b")


def shared(labels, hashes=None, groups=None, given=None, seed=0, classes=CLASSES):
    count = len(labels)
    return split(
        labels,
        hashes or [str(n) for n in range(count)],
        groups or [""] * count,
        given or [""] * count,
        classes,
        seed,
    )


def counts(split, labels, label) -> Counter:
    return Counter(int(s) for s, own in zip(split, labels, strict=True) if own == label)


def test_each_class_has_its_share_in_each_split():
    labels = [0] * 100 + [1] * 20

    split = shared(labels).split

    assert counts(split, labels, 0) == {0: 70, 1: 15, 2: 15}
    assert counts(split, labels, 1) == {0: 14, 1: 3, 2: 3}


def test_three_pictures_are_one_for_each_split():
    assert sorted(shared([0, 0, 0, 1, 1, 1]).split[:3]) == [0, 1, 2]


def test_the_seed_decides():
    labels = [0] * 50 + [1] * 50

    assert (shared(labels, seed=1).split == shared(labels, seed=1).split).all()
    assert (shared(labels, seed=1).split != shared(labels, seed=2).split).any()


def test_equal_pictures_stay_together():
    labels = [0] * 40 + [1] * 40
    hashes = [str(n // 2) for n in range(80)]  # each occurs twice

    split = shared(labels, hashes).split

    assert (split[::2] == split[1::2]).all()
    assert counts(split, labels, 0)[1] == counts(split, labels, 0)[2] == 6


def test_groups_stay_together_even_over_classes():
    labels = [0, 1] * 30
    groups = [str(n // 6) for n in range(60)]

    split = shared(labels, groups=groups).split

    assert all(len(set(split[n : n + 6])) == 1 for n in range(0, 60, 6))
    assert set(split) == {0, 1, 2}


def test_large_groups_still_leave_something_for_each_split():
    labels = [0] * 30 + [1] * 30
    groups = [str(n // 10) for n in range(60)]

    assert {
        (int(s), own) for s, own in zip(shared(labels, groups=groups).split, labels, strict=True)
    } == {(s, own) for s in range(3) for own in range(2)}


def test_given_splits_are_kept_and_the_missing_one_is_taken_from_training():
    labels = [0] * 20 + [1] * 20
    given = (["train"] * 15 + ["test"] * 5) * 2

    split = shared(labels, given=given).split

    assert counts(split, labels, 0) == {0: 13, 1: 2, 2: 5}
    assert all(split[15:20] == 2)


def test_copies_of_what_judges_are_left_out_of_training():
    labels = [0] * 10 + [1] * 10
    hashes = [str(n) for n in range(20)]
    hashes[0] = hashes[9]
    given = (["train"] * 6 + ["validation"] * 2 + ["test"] * 2) * 2

    found = shared(labels, hashes, given=given)

    assert found.split[0] == -1 and found.left_out == 1


def test_a_class_of_one_picture_is_named():
    with pytest.raises(PicturesError, match=r"class b has 1 different picture\(s\) but needs"):
        shared([0, 0, 0, 1])


def test_pictures_that_are_all_alike_are_refused():
    with pytest.raises(PicturesError, match="class a has 1 different"):
        shared([0] * 20 + [1] * 20, hashes=["x"] * 20 + ["y"] * 20)


def test_a_class_in_a_single_group_is_named():
    labels = [0] * 30 + [1] * 30
    groups = [str(n) for n in range(30)] + ["one"] * 30

    with pytest.raises(PicturesError, match="class b has no picture for"):
        shared(labels, groups=groups)


def test_a_group_of_a_given_judge_takes_no_part_elsewhere():
    labels = [0] * 20 + [1] * 20
    groups = [f"{n % 20 // 2}" for n in range(40)]
    given = (["test"] + [""] * 19) * 2  # both in group 0, whose other members name no split

    found = shared(labels, groups=groups, given=given)

    assert found.split[0] == found.split[20] == 2
    assert found.split[1] == found.split[21] == -1 and found.left_out == 2


def test_a_picture_for_validation_and_test_only_tests():
    labels = [0] * 10 + [1] * 10
    hashes = [str(n) for n in range(20)]
    hashes[6] = hashes[8]
    given = (["train"] * 6 + ["validation"] * 2 + ["test"] * 2) * 2

    found = shared(labels, hashes, given=given)

    assert (found.split[6], found.split[8], found.left_out) == (-1, 2, 1)
