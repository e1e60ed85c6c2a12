"""`fashion_data`: batches that depend on seed and step alone, and their augmentation."""

import pytest
import torch

from vggcore.data import augment as augment_module
from vggcore.data import raw_files
from vggcore.data.augment import augment, cutmix, mixup
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import TrainConfig
from vggcore.training.fashion_data import FashionData

SPEC = VGGSpec(configuration="A", width="1/8", image_size=32)


@pytest.fixture(autouse=True)
def _small_data(monkeypatch):
    monkeypatch.setattr(raw_files, "SYNTHETIC_COUNTS", {"train": 230, "validation": 60, "test": 60})


def data(**recipe) -> FashionData:
    train = TrainConfig(dataset="synthetic", batch_size=50, **recipe)
    return FashionData(SPEC, train, torch.device("cpu"))


def test_a_batch_depends_on_seed_and_step_alone():
    first, second = data(flip=True, shift=2, erase=0.5), data(flip=True, shift=2, erase=0.5)
    first.batch(0), first.batch(7)  # another history

    images, labels = first.batch(3)
    same_images, same_labels = second.batch(3)

    assert torch.equal(images, same_images) and torch.equal(labels, same_labels)
    assert not torch.equal(images, first.batch(4)[0])


def test_an_epoch_shows_each_image_once_in_an_order_of_its_own():
    whole = data()
    whole.batch_size, whole.steps_per_epoch = 46, 5

    epochs = [[whole.batch(step)[0] for step in range(e * 5, e * 5 + 5)] for e in (0, 1)]

    sums = [torch.cat(epoch).sum((1, 2, 3)) for epoch in epochs]
    assert torch.allclose(*(s.sort().values for s in sums))
    assert not torch.equal(*sums)


def test_without_augmentation_images_stay_as_they_are():
    images = torch.randint(256, (5, 28, 28), dtype=torch.uint8)

    assert torch.equal(augment(images, torch.Generator()), images)


def test_flipping_mirrors_about_half():
    images = torch.randint(256, (400, 28, 28), dtype=torch.uint8)

    out = augment(images, torch.Generator().manual_seed(0), flip=True)

    same = (out == images).all(2).all(1)
    mirrored = (out == images.flip(-1)).all(2).all(1)
    assert (same ^ mirrored).all() and 150 < mirrored.sum() < 250


def test_shifting_moves_at_most_as_far_as_it_says():
    images = torch.zeros(300, 28, 28, dtype=torch.uint8)
    images[:, 14, 14] = 9

    out = augment(images, torch.Generator().manual_seed(0), shift=3)

    _, rows, columns = out.nonzero(as_tuple=True)
    assert len(rows) == 300
    assert {int(x) - 14 for x in rows} == {int(x) - 14 for x in columns} == set(range(-3, 4))


def test_erasing_blanks_a_rectangle_of_the_chosen_share():
    images = torch.full((300, 28, 28), 200, dtype=torch.uint8)

    out = augment(images, torch.Generator().manual_seed(0), erase=0.4)

    blanked = (out == 0).sum((1, 2))
    assert 80 < (blanked > 0).sum() < 160
    assert blanked.max() <= 14 * 14 and set(out.unique().tolist()) == {0, 200}


def test_mixup_blends_inputs_and_targets_by_one_weight():
    inputs, labels = torch.randn(4, 1, 8, 8), torch.tensor([0, 1, 2, 3])

    mixed, targets = mixup(inputs, labels, 1.0, torch.Generator().manual_seed(0))

    weight = targets[0, 0].item()
    assert 0 < weight < 1 and torch.allclose(targets.sum(1), torch.ones(4))
    assert torch.allclose(mixed[0], inputs[0] * weight + inputs[3] * (1 - weight), atol=1e-6)


def test_cutmix_weighs_the_labels_by_area():
    images = (torch.arange(1, 5)[:, None, None] * torch.ones(1, 20, 20)).to(torch.uint8)
    shares = []

    for seed in range(300):
        generator = torch.Generator().manual_seed(seed)
        mixed, targets = cutmix(images, torch.tensor([0, 1, 2, 3]), generator)
        shares.append(targets[1, 0].item())
        assert (mixed[1] == 1).float().mean().item() == pytest.approx(shares[-1])
        assert targets[1, 1].item() == pytest.approx(1 - shares[-1])

    assert min(shares) < 0.05 and max(shares) > 0.7


def test_cutmix_is_drawn_for_its_share_of_the_batches():
    always, never = data(cutmix=1.0), data(cutmix=0.0)
    sometimes = data(cutmix=0.5)

    assert all(always.batch(step)[1].ndim == 2 for step in range(4))
    assert all(never.batch(step)[1].ndim == 1 for step in range(4))
    assert 3 < sum(sometimes.batch(step)[1].ndim == 2 for step in range(20)) < 17


def test_a_limit_keeps_that_many_images_and_a_batch_never_exceeds_them():
    limited = data(train_limit=30)

    assert (limited.steps_per_epoch, len(limited.batch(0)[0])) == (1, 30)
    assert limited.describe().train_images == 30


def test_random_numbers_reach_a_device_in_one_copy_and_are_the_same(monkeypatch):
    """No GPU here: the copy is counted, and its shape is what a GPU would get."""
    images = torch.randint(0, 256, (8, 28, 28), dtype=torch.uint8)
    expected = augment(images, torch.Generator().manual_seed(3), flip=True, shift=2, erase=0.5)
    copies = []

    def in_one_copy(drawn, device):
        copies.append(len(drawn))
        return torch.stack(drawn).unbind()

    monkeypatch.setattr(augment_module, "_on_device", in_one_copy)
    found = augment(images, torch.Generator().manual_seed(3), flip=True, shift=2, erase=0.5)
    assert torch.equal(found, expected) and copies == [8]
