import pytest
import torch
from torch.nn import functional as F

from vggcore import data
from vggcore.architectures import VGGSpec
from vggcore.config import TrainConfig

SPEC = VGGSpec(configuration="A", width="1/8", image_size=32)
PAD = data.preprocessing(32, "pad")
real = pytest.mark.data


def source(**recipe) -> data.ImageSource:
    train = TrainConfig(dataset="synthetic", batch_size=50, **recipe)
    return data.ImageSource(SPEC, train, torch.device("cpu"))


@pytest.fixture(autouse=True)
def _small_data(monkeypatch):
    monkeypatch.setattr(data, "SYNTHETIC_COUNTS", {"train": 230, "validation": 60, "test": 60})


@real
def test_the_splits_of_fashion_mnist_are_balanced_and_apart():
    train, validation, test = (data.load_split(s) for s in ("train", "validation", "test"))

    assert [len(images) for images, _ in (train, validation, test)] == [55_000, 5_000, 10_000]
    for (_, labels), count in ((train, 5_500), (validation, 500), (test, 1_000)):
        assert labels.bincount().tolist() == [count] * 10
    # Fashion-MNIST has a few doubles of its own; a shared split would have thousands.
    seen = {image.numpy().tobytes() for image in train[0]}
    assert sum(image.numpy().tobytes() in seen for image in validation[0]) < 50


@real
def test_another_seed_splits_differently():
    first, again, other = (data.load_split("validation", seed=s)[0] for s in (0, 0, 1))

    assert torch.equal(first, again) and not torch.equal(first, other)


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="train, validation, test"):
        data.load_split("training", "synthetic")


def test_a_missing_data_set_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path))

    def no_network(*_, **__):
        raise RuntimeError("no network")

    monkeypatch.setattr("torchvision.datasets.FashionMNIST.download", no_network)

    with pytest.raises(data.DataMissing, match="VGGCORE_DATA.*--dataset synthetic"):
        data.load_split("test")


@real
def test_a_file_that_is_not_the_data_set_s_is_refused(tmp_path, monkeypatch):
    theirs = data.paths.data_dir() / "FashionMNIST" / "raw"
    ours = tmp_path / "FashionMNIST" / "raw"
    ours.mkdir(parents=True)
    for file in theirs.glob("*-ubyte"):
        (ours / file.name).symlink_to(file.resolve())
    images = bytearray((theirs / "t10k-images-idx3-ubyte").read_bytes())
    images[5000] ^= 1
    (ours / "t10k-images-idx3-ubyte").unlink()
    (ours / "t10k-images-idx3-ubyte").write_bytes(images)
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path))

    with pytest.raises(data.DataMissing, match="damaged or another data set"):
        data.load_split("test")


def test_synthetic_splits_are_the_same_every_time_and_differ_from_each_other():
    images, labels = data.load_split("train", "synthetic", seed=4)
    again, _ = data.load_split("train", "synthetic", seed=4)
    validation, _ = data.load_split("validation", "synthetic", seed=4)

    assert images.dtype == torch.uint8 and images.shape == (230, 28, 28)
    assert set(labels.tolist()) == set(range(10))
    assert torch.equal(images, again)
    assert not any((image == images).all(2).all(1).any() for image in validation)


def test_padding_centres_the_image_on_black():
    images = torch.full((2, 28, 28), 255, dtype=torch.uint8)

    inputs = data.to_network_input(images, PAD)

    pixels = inputs * data.STD + data.MEAN
    assert inputs.shape == (2, 1, 32, 32)
    assert torch.allclose(pixels[:, :, 2:30, 2:30], torch.ones(1), atol=1e-6)
    assert pixels.sum().item() == pytest.approx(2 * 28 * 28, rel=1e-5)


def test_resizing_is_bilinear():
    images = torch.randint(256, (3, 28, 28), dtype=torch.uint8)

    inputs = data.to_network_input(images, data.preprocessing(56, "resize"))

    expected = F.interpolate(images[:, None] / 255, scale_factor=2, mode="bilinear")
    assert torch.allclose(inputs, (expected - data.MEAN) / data.STD, atol=1e-5)


def test_a_batch_depends_on_seed_and_step_alone():
    first, second = source(flip=True, shift=2, erase=0.5), source(flip=True, shift=2, erase=0.5)
    first.batch(0), first.batch(7)  # another history

    images, labels = first.batch(3)
    same_images, same_labels = second.batch(3)

    assert torch.equal(images, same_images) and torch.equal(labels, same_labels)
    assert not torch.equal(images, first.batch(4)[0])


def test_an_epoch_shows_each_image_once_in_an_order_of_its_own():
    whole = source()
    whole.batch_size, whole.steps_per_epoch = 46, 5

    epochs = [[whole.batch(step)[0] for step in range(e * 5, e * 5 + 5)] for e in (0, 1)]

    sums = [torch.cat(epoch).sum((1, 2, 3)) for epoch in epochs]
    assert torch.allclose(*(s.sort().values for s in sums))
    assert not torch.equal(*sums)


def test_without_augmentation_images_stay_as_they_are():
    images = torch.randint(256, (5, 28, 28), dtype=torch.uint8)

    assert torch.equal(data.augment(images, TrainConfig(), torch.Generator()), images)


def test_flipping_mirrors_about_half():
    images = torch.randint(256, (400, 28, 28), dtype=torch.uint8)

    out = data.augment(images, TrainConfig(flip=True), torch.Generator().manual_seed(0))

    same = (out == images).all(2).all(1)
    mirrored = (out == images.flip(-1)).all(2).all(1)
    assert (same ^ mirrored).all() and 150 < mirrored.sum() < 250


def test_shifting_moves_at_most_as_far_as_it_says():
    images = torch.zeros(300, 28, 28, dtype=torch.uint8)
    images[:, 14, 14] = 9

    out = data.augment(images, TrainConfig(shift=3), torch.Generator().manual_seed(0))

    _, rows, columns = out.nonzero(as_tuple=True)
    assert len(rows) == 300
    assert {int(x) - 14 for x in rows} == {int(x) - 14 for x in columns} == set(range(-3, 4))


def test_erasing_blanks_a_rectangle_of_the_chosen_share():
    images = torch.full((300, 28, 28), 200, dtype=torch.uint8)

    out = data.augment(images, TrainConfig(erase=0.4), torch.Generator().manual_seed(0))

    blanked = (out == 0).sum((1, 2))
    assert 80 < (blanked > 0).sum() < 160
    assert blanked.max() <= 14 * 14 and set(out.unique().tolist()) == {0, 200}


def test_mixup_blends_inputs_and_targets_by_one_weight():
    inputs, labels = torch.randn(4, 1, 8, 8), torch.tensor([0, 1, 2, 3])

    mixed, targets = data.mixup(inputs, labels, 1.0, torch.Generator().manual_seed(0))

    weight = targets[0, 0].item()
    assert 0 < weight < 1 and torch.allclose(targets.sum(1), torch.ones(4))
    assert torch.allclose(mixed[0], inputs[0] * weight + inputs[3] * (1 - weight), atol=1e-6)


def test_cutmix_weighs_the_labels_by_area():
    images = (torch.arange(1, 5)[:, None, None] * torch.ones(1, 20, 20)).to(torch.uint8)
    shares = []

    for seed in range(300):
        generator = torch.Generator().manual_seed(seed)
        mixed, targets = data.cutmix(images, torch.tensor([0, 1, 2, 3]), generator)
        shares.append(targets[1, 0].item())
        assert (mixed[1] == 1).float().mean().item() == pytest.approx(shares[-1])
        assert targets[1, 1].item() == pytest.approx(1 - shares[-1])

    assert min(shares) < 0.05 and max(shares) > 0.7


def test_cutmix_is_drawn_for_its_share_of_the_batches():
    always, never = source(cutmix=1.0), source(cutmix=0.0)
    sometimes = source(cutmix=0.5)

    assert all(always.batch(step)[1].ndim == 2 for step in range(4))
    assert all(never.batch(step)[1].ndim == 1 for step in range(4))
    assert 3 < sum(sometimes.batch(step)[1].ndim == 2 for step in range(20)) < 17


def test_a_limit_keeps_that_many_images_and_a_batch_never_exceeds_them():
    limited = source(train_limit=30)

    assert (limited.steps_per_epoch, len(limited.batch(0)[0])) == (1, 30)
    assert limited.describe()["train_images"] == 30


def test_the_fingerprint_notices_one_pixel():
    images, labels = data.load_split("test", "synthetic")
    before = data.fingerprint(images, labels)
    images[3, 5, 5] += 1

    assert data.fingerprint(images, labels) != before
