"""How people lay out their pictures, and what is made of each way."""

import pytest

from vggcore.data.own.layout import (
    NO_CLASS,
    NO_SPLIT,
    NOT_IN_TRAINING,
    SECOND_COPY,
    SPLIT_WORDS,
    UNUSED,
    arrange,
)

LAYOUTS = {
    "class folders": {"a/1": " a", "b/1": " b"},
    "a folder around them": {"all/a/1": " a", "all/b/1": " b", "cover": NO_CLASS},
    "two folders around them": {"x/y/a/1": " a", "x/y/b/1": " b"},
    "folders in a class": {"a/deep/1": " a", "b/1": " b"},
    "train and val": {"train/a/1": "train a", "val/a/2": "validation a", "train/b/1": "train b"},
    "capitals, in a folder": {"x/Train/a/1": "train a", "x/Test/a/1": "test a"},
    "two folders around splits": {"x/y/train/a/1": "train a", "x/y/test/a/2": "test a"},
    "only train": {"train/a/1": " a", "train/b/1": " b"},
    "SVHN's extra": {"train/a/1": "train a", "test/a/1": "test a", "extra/a/1": NO_SPLIT},
    "training_set": {"training_set/a/1": "train a", "test_set/a/1": "test a"},
    "Intel scenes": {
        "seg_train/seg_train/sea/1": "train sea",
        "seg_train/seg_train/ice/1": "train ice",
        "seg_test/seg_test/sea/1": "test sea",
        "seg_pred/seg_pred/1": NO_SPLIT,
    },
    "Food-11": {
        "training/Bread/1": "train Bread",
        "validation/Bread/1": "validation Bread",
        "evaluation/Bread/1": "test Bread",
    },
    "eval and train": {"eval/a/1": "validation a", "train/a/1": "train a"},
    "prediction": {"train/a/1": "train a", "prediction/1": NO_SPLIT},
    "chest X-rays": {
        "chest_xray/train/NORMAL/1": "train NORMAL",
        "chest_xray/test/NORMAL/1": "test NORMAL",
        "chest_xray/val/NORMAL/1": "validation NORMAL",
        "chest_xray/chest_xray/train/NORMAL/1": SECOND_COPY,
        "chest_xray/chest_xray/test/NORMAL/1": SECOND_COPY,
        "chest_xray/chest_xray/val/NORMAL/1": SECOND_COPY,
    },
    "a second copy of classes": {
        "Plants/Plants/a/1": SECOND_COPY,
        "Plants/Plants/b/1": SECOND_COPY,
        "Plants/a/1": " a",
        "Plants/b/1": " b",
    },
    "sign language": {
        "asl_alphabet_train/asl_alphabet_train/A/1": "train A",
        "asl_alphabet_train/asl_alphabet_train/B/1": "train B",
        "asl_alphabet_test/asl_alphabet_test/A_test": NOT_IN_TRAINING,
    },
    "Tiny ImageNet as published": {
        "tiny/train/n01/images/1": "train n01",
        "tiny/train/n02/images/1": "train n02",
        "tiny/val/images/1": NOT_IN_TRAINING,
        "tiny/test/images/1": NOT_IN_TRAINING,
    },
    "one class only in val": {
        "train/a/1": "train a",
        "train/b/1": "train b",
        "val/a/1": "validation a",
        "val/c/1": NOT_IN_TRAINING,
    },
    "masks beside splits": {
        "train/good/1": "train good",
        "test/good/1": "test good",
        "ground_truth/good/1": NO_SPLIT,
    },
    "numbered and in camel case": {
        "TrainImages2017/a/1": "train a",
        "ValImages2017/a/1": "validation a",
    },
    "trainset": {"trainset/a/1": "train a", "testset/a/1": "test a"},
    "Chinese": {
        "训练集/猫/1": "train 猫",
        "测试集/猫/1": "test 猫",
        "验证集/猫/1": "validation 猫",
    },
    "splits inside classes": {
        "cat/train/1": "train cat",
        "cat/test/1": "test cat",
        "dog/train/1": "train dog",
        "dog/test/1": "test dog",
    },
    "classes that are called so": {"train/1": " train", "test/1": " test"},
    "trains among others": {"train/1": " train", "car/1": " car", "test tube/1": " test tube"},
    "trains of two kinds": {"toy train/1": " toy train", "steam train/1": " steam train"},
    "trains with folders": {"train/red/1": " train", "car/red/1": " car"},
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_that_people_have(name):
    expected = LAYOUTS[name]

    places = arrange([tuple(path.split("/")) for path in expected]).places

    assert [place.why or f"{place.split} {place.label}" for place in places] == [*expected.values()]


@pytest.mark.parametrize("word", SPLIT_WORDS)
def test_every_word_for_a_split(word):
    split = SPLIT_WORDS[word]
    for pattern in ("{}", "{}_set", "my-{}", "{}2", "{}Data"):
        first, other = (pattern.format(each) for each in (word, "train"))
        if word == "train":
            other = pattern.format("test")
        places = arrange([(first, "a", "1"), (other, "a", "2")]).places
        assert places[0] == ("", "", NO_SPLIT) if split == UNUSED else (split, "a", ""), pattern


def test_what_is_guessed_is_stated():
    (guessed,) = arrange([("seg_train", "a", "1"), ("seg_test", "a", "2")]).notes
    (taken,) = arrange([("train", "1"), ("test", "2")]).notes

    assert "seg_test → test, seg_train → train" in guessed
    assert "test, train are taken as classes" in taken
    assert not arrange([("train", "a", "1"), ("test", "a", "2")]).notes
