import gzip
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from vggcore.data import fashion_mnist, raw_files, synthetic
from vggcore.pictures.preprocessing import MEAN, STD

PAD = fashion_mnist.preprocessing(32, "pad")
real = pytest.mark.data


@pytest.fixture(autouse=True)
def _small_data(monkeypatch):
    monkeypatch.setattr(raw_files, "SYNTHETIC_COUNTS", {"train": 230, "validation": 60, "test": 60})


@real
def test_the_splits_of_fashion_mnist_are_balanced_and_apart():
    train, validation, test = (fashion_mnist.load_split(s) for s in ("train", "validation", "test"))

    assert [len(images) for images, _ in (train, validation, test)] == [55_000, 5_000, 10_000]
    for (_, labels), count in ((train, 5_500), (validation, 500), (test, 1_000)):
        assert labels.bincount().tolist() == [count] * 10
    # Fashion-MNIST has a few duplicates of its own; a shared split would have thousands.
    seen = {image.numpy().tobytes() for image in train[0]}
    assert sum(image.numpy().tobytes() in seen for image in validation[0]) < 50


@real
def test_another_seed_splits_differently():
    first, again, other = (fashion_mnist.load_split("validation", seed=s)[0] for s in (0, 0, 1))

    assert torch.equal(first, again) and not torch.equal(first, other)


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="train, validation, test"):
        fashion_mnist.load_split("training", "synthetic")


def test_a_missing_data_set_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path))

    def no_network(*_, **__):
        raise RuntimeError("no network")

    monkeypatch.setattr("torchvision.datasets.FashionMNIST.download", no_network)

    with pytest.raises(raw_files.DataMissing, match="VGGCORE_DATA.*--dataset synthetic"):
        fashion_mnist.load_split("test")


@real
def test_a_file_that_is_not_the_data_set_s_is_refused(tmp_path, monkeypatch):
    theirs = fashion_mnist.paths.data_dir() / "FashionMNIST" / "raw"
    ours = tmp_path / "FashionMNIST" / "raw"
    ours.mkdir(parents=True)
    for file in theirs.glob("*-ubyte"):
        (ours / file.name).symlink_to(file.resolve())
    images = bytearray((theirs / "t10k-images-idx3-ubyte").read_bytes())
    images[5000] ^= 1
    (ours / "t10k-images-idx3-ubyte").unlink()
    (ours / "t10k-images-idx3-ubyte").write_bytes(images)
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path))

    with pytest.raises(raw_files.DataMissing, match="damaged or another data set"):
        fashion_mnist.load_split("test")


def test_synthetic_splits_are_the_same_every_time_and_differ_from_each_other():
    images, labels = fashion_mnist.load_split("train", "synthetic", seed=4)
    synthetic.synthetic_garments.cache_clear()  # otherwise the first are compared with themselves
    again, _ = fashion_mnist.load_split("train", "synthetic", seed=4)
    validation, _ = fashion_mnist.load_split("validation", "synthetic", seed=4)

    assert images.dtype == torch.uint8 and images.shape == (230, 28, 28)
    assert set(labels.tolist()) == set(range(10))
    assert torch.equal(images, again)
    assert not any((image == images).all(2).all(1).any() for image in validation)


def test_padding_centres_the_image_on_black():
    images = torch.full((2, 28, 28), 255, dtype=torch.uint8)

    inputs = fashion_mnist.to_network_input(images, PAD)

    pixels = inputs * STD + MEAN
    assert inputs.shape == (2, 1, 32, 32)
    assert torch.allclose(pixels[:, :, 2:30, 2:30], torch.ones(1), atol=1e-6)
    assert pixels.sum().item() == pytest.approx(2 * 28 * 28, rel=1e-5)


def test_resizing_is_bilinear():
    images = torch.randint(256, (3, 28, 28), dtype=torch.uint8)

    inputs = fashion_mnist.to_network_input(images, fashion_mnist.preprocessing(56, "resize"))

    expected = F.interpolate(images[:, None] / 255, scale_factor=2, mode="bilinear")
    assert torch.allclose(inputs, (expected - MEAN) / STD, atol=1e-5)


def test_the_fingerprint_notices_one_pixel():
    images, labels = fashion_mnist.load_split("test", "synthetic")
    before = fashion_mnist.fingerprint(images, labels)
    images[3, 5, 5] += 1

    assert fashion_mnist.fingerprint(images, labels) != before


@real
@pytest.mark.parametrize("place", ["FashionMNIST/raw", "FashionMNIST", "raw", "."])
@pytest.mark.parametrize("packed", [False, True])
def test_files_a_level_off_and_packed_ones_are_found(place, packed, tmp_path, monkeypatch):
    theirs = fashion_mnist.paths.data_dir() / "FashionMNIST" / "raw"
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    for name in raw_files.BLOB_HASHES:
        if packed and name.startswith("t10k"):
            (tmp_path / place / f"{name}.gz").write_bytes(
                gzip.compress((theirs / name).read_bytes(), 1)
            )
        else:
            (tmp_path / place / name).symlink_to((theirs / name).resolve())
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path))

    images, labels = fashion_mnist.load_split("test")

    assert images.shape == (10_000, 28, 28) and labels.bincount().tolist() == [1000] * 10


@pytest.mark.parametrize("there", [".", "FashionMNIST"])
def test_a_failed_download_leaves_nothing_behind(there, tmp_path, monkeypatch):
    (tmp_path / "data" / there).mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path / "data"))

    def no_network(self):
        Path(self.raw_folder).mkdir(parents=True)
        raise RuntimeError("no network")

    monkeypatch.setattr("torchvision.datasets.FashionMNIST.download", no_network)

    with pytest.raises(raw_files.DataMissing, match="into .*FashionMNIST/raw"):
        fashion_mnist.load_split("test")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_failed_download_takes_nothing_else_along(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path / "share" / "data"))

    def slow_network(self):
        Path(self.raw_folder).mkdir(parents=True)
        (Path(self.raw_folder) / "t10k-labels-idx1-ubyte.gz").write_bytes(b"half of it")
        (tmp_path / "share" / "runs").mkdir()  # meanwhile, another process starts a run
        raise RuntimeError("the network went away")

    monkeypatch.setattr("torchvision.datasets.FashionMNIST.download", slow_network)

    with pytest.raises(raw_files.DataMissing):
        fashion_mnist.load_split("test")
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "share", tmp_path / "share" / "runs"]


def test_downloaded_files_are_where_they_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path / "data"))

    def network(self):
        Path(self.raw_folder).mkdir(parents=True)
        for name in raw_files.BLOB_HASHES:
            dimensions = 3 if "images" in name else 1
            content = bytes([0, 0, 8, dimensions]) + bytes([0, 0, 0, 1]) * dimensions + b"x"
            (Path(self.raw_folder) / name).write_bytes(content)

    monkeypatch.setattr("torchvision.datasets.FashionMNIST.download", network)

    with pytest.raises(raw_files.DataMissing, match="damaged or another data set"):
        fashion_mnist.load_split("test")
    assert raw_files.raw_folder(tmp_path / "data") == tmp_path / "data" / "FashionMNIST" / "raw"
    assert [folder.name for folder in (tmp_path / "data").iterdir()] == ["FashionMNIST"]
