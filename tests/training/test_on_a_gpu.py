"""The GPU's path, rehearsed without a GPU: no operation mixes devices, and no step waits for it.

What this cannot show is listed in docs/where-to-train.md.
"""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fake_gpu import FakeGpu

from vggcore.answers import evaluation
from vggcore.data import fashion_mnist, raw_files
from vggcore.data.classes import CLASSES
from vggcore.data.own import prepared
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import TrainedOn
from vggcore.model.network import build
from vggcore.model.recipe import TrainConfig
from vggcore.training.corrections_data import CorrectionsData
from vggcore.training.fashion_data import FashionData
from vggcore.training.own_data import OwnData
from vggcore.training.progress import Progress, RunningMetrics
from vggcore.wild import training_data as wild
from vggcore.wild.pools import Pool
from vggcore.wild.training_data import WildData
from vggcore.wild.validation import Validation

SPEC = VGGSpec(configuration="A", width="1/16", image_size=32, head="pool", batch_norm=True)
VARIED = {"flip": True, "shift": 2, "erase": 0.5, "cutmix": 0.5, "mixup": 0.2}
RECIPE = TrainConfig(dataset="synthetic", batch_size=16, precision="float32", label_smoothing=0.1)
STEPS = 8  # of which some mix, by both ways, and some do not
random = np.random.default_rng(0)


def pictures(*shape: int) -> np.ndarray:
    return random.integers(0, 256, shape, dtype=np.uint8)


def of_fashion_mnist(device: torch.device, patch: pytest.MonkeyPatch) -> FashionData:
    counts = {"train": 96, "validation": 40, "test": 40}
    patch.setattr(raw_files, "SYNTHETIC_COUNTS", counts)
    return FashionData(SPEC, replace(RECIPE, **VARIED), device)


def of_own_pictures(device: torch.device, patch: pytest.MonkeyPatch) -> OwnData:
    labels = np.arange(80) % 10
    names = [str(n) for n in range(80)]
    given = ["train"] * 40 + ["validation"] * 20 + ["test"] * 20
    sizes = np.full((80, 2), 32)
    found = prepared.PictureSet(
        "mine", tuple("abcdefghij"), pictures(80, 32, 32), labels, names, names, names, given,
        sizes, [],
    )  # fmt: skip
    patch.setattr(prepared, "prepared", lambda *_: found)
    recipe = replace(RECIPE, dataset="pictures", pictures="mine", **VARIED)
    return OwnData(SPEC, recipe, device)


def of_own_pictures_on_disk(device: torch.device, patch: pytest.MonkeyPatch) -> OwnData:
    patch.setattr(prepared, "fits_memory", lambda images: False)
    return of_own_pictures(device, patch)


def of_photos(device: torch.device, patch: pytest.MonkeyPatch) -> WildData:
    targets = torch.eye(11)[torch.arange(22) % 11]
    patch.setattr(
        wild, "cached_pool", lambda *_, **__: Pool(torch.from_numpy(pictures(22, 32, 32)), targets)
    )
    data = WildData(SPEC, replace(RECIPE, dataset="wild"), device)
    items = [SimpleNamespace(kind=kind, accepted={1}) for kind in ("photos", "sketches")] * 20
    seen = torch.from_numpy(pictures(40, 32, 32))
    vars(data)["_validation"] = Validation(seen, torch.arange(40) % 10, items, seen, seen)
    return data


def of_corrections(device: torch.device, patch: pytest.MonkeyPatch) -> CorrectionsData:
    data = CorrectionsData.__new__(CorrectionsData)
    data.train, data.device, data.precision = RECIPE, device, "float32"
    data.preprocessing, data.classes = fashion_mnist.preprocessing(32, "pad"), ()
    data.card = SimpleNamespace(data=TrainedOn(name="wild"))
    data.batch_size, data.labels = 16, torch.arange(4)
    data.answers = CLASSES
    data.pictures, data.rehearsed = map(torch.from_numpy, (pictures(4, 32, 32),) * 2)
    data.inputs = [[each] for each in pictures(4, 32, 32)]
    data.labels_of_inputs, data.before = data.labels, torch.randn(4, 10)
    vars(data)["_judged"] = torch.from_numpy(pictures(40, 32, 32)), torch.arange(40) % 10
    return data


DATA = [
    of_fashion_mnist,
    of_own_pictures,
    of_own_pictures_on_disk,
    of_photos,
    of_corrections,
]


@pytest.fixture
def gpu():
    with FakeGpu() as gpu:
        yield gpu


@pytest.mark.parametrize("data_of", DATA)
def test_a_training_step_waits_for_no_gpu_and_a_logged_row_once(data_of, gpu, monkeypatch):
    device = torch.device("cuda")
    data, tally = data_of(device, monkeypatch), RunningMetrics(device)
    network = gpu.put(build(SPEC))
    gpu.waits = 0

    for step in range(STEPS):
        inputs, targets = data.batch(step)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        logits = network(inputs)
        loss = data.loss(logits.float(), targets)
        tally.add(loss, data.correct(logits.detach(), targets), len(inputs))
        assert {inputs.device.type, targets.device.type, loss.device.type} == {"cuda"}
        assert loss.dtype == torch.float32 and loss.requires_grad
    assert gpu.waits == 0

    tally.collect(Progress())
    assert gpu.waits == 1


@pytest.mark.parametrize("data_of", DATA)
def test_validation_needs_no_pictures_on_the_gpu_already(data_of, gpu, monkeypatch):
    data = data_of(torch.device("cuda"), monkeypatch)
    network = gpu.put(build(SPEC))

    assert {"accuracy", "loss"} <= data.validate(network).keys()


def test_an_answer_on_a_gpu(gpu):
    network = gpu.put(build(SPEC)).eval()
    way = replace(fashion_mnist.preprocessing(32, "pad"), mirror=True)
    images = torch.from_numpy(pictures(3, 28, 28))

    assert evaluation.predict(network, images, way).device.type == "cpu"
    inputs = next(evaluation.batches(images.to("cuda"), way))
    assert evaluation.answer(network, inputs, way).device.type == "cuda"


def test_the_rehearsal_notices_what_a_gpu_would(gpu):
    here, there = torch.ones(3), torch.ones(3, device="cuda")
    with pytest.raises(RuntimeError, match="device"):
        here + there
    waiting = (
        lambda: there.sum().item(),
        lambda: there.cpu(),
        lambda: bool((there > 0).any()),
        lambda: there.to("cpu"),
    )
    for wait in waiting:
        before = gpu.waits
        wait()
        assert gpu.waits == before + 1
    before = gpu.waits
    with pytest.raises(RuntimeError):  # its shape depends on what the GPU holds
        there[there > 0]
    assert gpu.waits == before + 1


def test_a_loss_in_bfloat16_is_a_float32_number_with_float32_gradients():
    network = build(SPEC)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(torch.randn(4, 1, 32, 32))
    loss = torch.nn.functional.cross_entropy(logits.float(), torch.arange(4))
    loss.backward()

    assert logits.dtype == torch.bfloat16 and loss.dtype == torch.float32 and loss.isfinite()
    assert {parameter.grad.dtype for parameter in network.parameters()} == {torch.float32}
