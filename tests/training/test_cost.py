import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save as to_bytes
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from vggcore.commands import measure_speed
from vggcore.machine import precision
from vggcore.machine.memory import evaluated_at_once
from vggcore.model import anatomy
from vggcore.model.architectures import VGGSpec
from vggcore.model.network import build
from vggcore.model.presets import PRESETS
from vggcore.model.recipe import TrainConfig
from vggcore.training import cost, speed
from vggcore.training.optimizer import make_optimizer
from vggcore.training.resume import ResumeState

SMALL = VGGSpec(configuration="A", width="1/8", image_size=64, head="pool")
FLAT = speed.Speeds(
    conv=[[1e9] * 3] * 4,
    linear=1e9,
    numbers=1e9,
    lrn=1e8,
    parameters=1e9,
    conv_parameters=5e8,
    layer=0.0,
    basis="test",
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("precision", ["bf16", "float32"])
@pytest.mark.parametrize(
    ("configuration", "head", "batch_norm"),
    [("D", "fc", False), ("D", "pool", True), ("A-LRN", "pool", False), ("A-LRN", "fc", True)],
)
def test_what_a_step_keeps_is_what_autograd_keeps(configuration, head, batch_norm, precision):
    spec = VGGSpec(
        configuration=configuration, width="1/4", image_size=64, head=head, batch_norm=batch_norm
    )
    network, kept = build(spec).to(memory_format=torch.channels_last), {}
    images = torch.rand(8, 1, 64, 64)
    own = {tensor.untyped_storage().data_ptr() for tensor in (*network.parameters(), images)}

    def note(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes(), tensor
        return tensor

    with (
        saved_tensors_hooks(note, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"),
    ):
        loss = network(images).sum()
    predicted = cost._step(spec, TrainConfig(batch_size=8, precision=precision)).allocated
    assert loss.requires_grad
    assert predicted - images.nbytes == pytest.approx(sum(n for n, _ in kept.values()), rel=0.02)


@pytest.mark.parametrize(
    ("optimizer", "head", "ema"),
    [("adamw", "pool", 0.0), ("adamw", "pool", 0.9), ("muon", "pool", 0.9), ("muon", "fc", 0.0)],
)
def test_saving_copies_what_it_is_said_to(optimizer, head, ema):
    train = TrainConfig(optimizer=optimizer, ema=ema)
    spec = replace(SMALL, head=head, batch_norm=optimizer == "muon")
    network = build(spec).to(memory_format=torch.channels_last)
    optimizer = make_optimizer(train, network)
    network(torch.rand(2, 1, 64, 64)).sum().backward()
    optimizer.step()
    state = ResumeState(network, build(spec) if ema else None, optimizer)
    live = [*network.state_dict().values(), *(state.average or nn.Module()).state_dict().values()]
    live += [value for values in optimizer.state.values() for value in values.values()]
    own = {tensor.data_ptr() for tensor in live}
    tensors = state.tensors()
    copied = sum(t.nbytes for t in tensors.values() if t.data_ptr() not in own)
    predicted = cost._saving(spec, train).allocated
    assert predicted == pytest.approx(copied + 2 * len(to_bytes(tensors)), rel=0.02)


def test_small_blocks_leave_holes_on_a_cpu():
    blocks = cost._Blocks()
    blocks.add(10 * 2**20)
    blocks.pass_by(20 * 2**20, 100 * 2**20)
    blocks.pass_by(30 * 2**20)
    assert blocks.most(on_gpu=True) == 130 * 2**20
    assert blocks.most(on_gpu=False) == (1.5 * 30 + 100) * 2**20


def test_memory_grows_by_the_activations_of_each_image():
    small, large = (
        cost._step(SMALL, TrainConfig(batch_size=size, precision="float32")).most(on_gpu=True)
        for size in (2000, 4000)
    )
    kept = sum(sum(cost._kept_bytes(row, 4)) for row in anatomy.walk(SMALL))
    assert kept <= (large - small) / 2000 <= 3 * kept


def test_memory_depends_on_the_recipe_as_it_should():
    def needs(**settings) -> int:
        return cost.memory_bytes(SMALL, TrainConfig(**dict(batch_size=4096) | settings))

    weights = anatomy.totals(SMALL).parameter_bytes
    assert needs(precision="bf16") < needs(precision="float32")
    assert needs(optimizer="adam") - needs(optimizer="sgd") == weights
    assert needs(ema=0.9) - needs(ema=0.0) == weights
    assert needs(train_limit=128) < needs()  # the batch can be no larger than the data


def test_a_network_of_many_weights_peaks_while_saving():
    spec, train = VGGSpec(configuration="A", image_size=32), TrainConfig(batch_size=1, device="cpu")
    weights = anatomy.totals(spec).parameter_bytes
    needed = cost.memory_bytes(spec, train) - cost.RUNTIME_BYTES - 70_000 * 2 * 28 * 28
    assert needed == 3 * weights + weights + cost._saving(spec, train).most(on_gpu=False)
    assert needed > 10 * weights  # the state, the gradients, and two more copies of the state


def test_saving_takes_nothing_of_a_gpu(monkeypatch):
    monkeypatch.setattr(speed, "device_choices", lambda device: ["cuda:0"])
    spec = VGGSpec(configuration="A", image_size=32)
    weights = anatomy.totals(spec).parameter_bytes
    assert cost.memory_bytes(spec, TrainConfig(batch_size=1, device="cuda")) < 10 * weights


def test_evaluation_holds_one_layers_input_and_output_or_what_lrn_is_made_of():
    def needs(configuration: str) -> int:
        spec = VGGSpec(configuration=configuration, image_size=32)
        return cost._evaluation(spec, on_gpu=False).most(on_gpu=True)

    one_map = 250 * 64 * 32 * 32 * 4
    images = 250 * 32 * 32 * 4
    assert needs("A") == images + one_map + one_map // 4 + one_map // 4 * 2  # pool and its indices
    assert needs("B") == images + 2 * one_map
    assert needs("A-LRN") == images + 4 * one_map


def test_disk_holds_three_states_and_the_best_weights():
    weights = anatomy.totals(SMALL).parameter_bytes
    assert cost.disk_bytes(SMALL, TrainConfig(optimizer="adam")) == 3 * 3 * weights + 2 * weights


def test_fewer_large_images_are_evaluated_at_once():
    assert [evaluated_at_once(side) for side in (32, 224, 1024)] == [250, 5, 1]
    assert [evaluated_at_once(side, "cuda") for side in (32, 224, 1024)] == [500, 39, 1]


def test_time_is_work_divided_by_speed():
    train = TrainConfig(dataset="synthetic", batch_size=100)
    first = anatomy.walk(SMALL)[0].macs
    macs = anatomy.totals(SMALL).macs - first / 3  # no gradient of the input
    pooled = sum(
        4 * r.output_shape[1] * r.output_shape[2] ** 2
        for r in anatomy.walk(SMALL)
        if r.kind == "max-pool"
    )
    totals = anatomy.totals(SMALL)
    weights = totals.conv_parameters / 5e8 + totals.fc_parameters / 1e9
    step = 100 * (macs + pooled) / 1e9 + weights
    assert cost.seconds_per_step(SMALL, train, FLAT) == pytest.approx(step)
    epoch = cost.seconds_per_epoch(SMALL, train, FLAT)
    assert epoch == pytest.approx(40 * step + 500 / 3 * (macs + pooled) / 1e9)


def test_an_estimate_is_of_the_whole_process_from_its_launch_to_its_end():
    train = TrainConfig(dataset="synthetic", device="cpu", epochs=3)
    estimate = cost.estimate(SMALL, train)

    trained = 3 * estimate.seconds_per_epoch
    assert estimate.test_seconds > 0
    assert estimate.seconds(3) == cost.START_SECONDS + trained + estimate.test_seconds
    assert estimate.seconds(3, processes=2) < estimate.seconds(3)
    assert estimate.memory_bytes == cost.memory_bytes(SMALL, train) + cost.PROCESS_BYTES
    on_gpu = replace(train, device="cuda")
    assert cost.estimate(SMALL, on_gpu).memory_bytes == cost.memory_bytes(SMALL, on_gpu)


def test_validation_of_wild_looks_at_pictures_twice_and_at_photos_four_times():
    train = TrainConfig(dataset="wild")

    validating = cost.seconds_per_epoch(SMALL, train, FLAT) - (
        400 * cost.seconds_per_step(SMALL, train, FLAT)
    )

    image = sum(cost._layer_seconds(row, FLAT) for row in anatomy.walk(SMALL))
    assert validating == pytest.approx(cost.IMAGES["wild"][1] * 2.3 * image / 3)


def test_lrn_takes_the_time_of_its_own_calibration():
    plain, normalised = (
        cost.seconds_per_step(VGGSpec(configuration=c, image_size=32), TrainConfig(), FLAT)
        for c in ("A", "A-LRN")
    )
    assert normalised - plain == pytest.approx(256 * 64 * 32 * 32 / 1e8)


def test_speeds_are_interpolated_between_measured_points():
    table = [[10.0, 40.0, 90.0], [20.0, 80.0, 180.0], [20.0, 80.0, 180.0], [20.0, 80.0, 180.0]]
    speeds = FLAT._replace(conv=table)
    assert speeds.conv_macs_per_second(8, 8) == pytest.approx(40)
    assert speeds.conv_macs_per_second(16, 4) == pytest.approx((10 * 20 * 40 * 80) ** 0.25)
    assert speeds.conv_macs_per_second(4096, 1000) == pytest.approx(180)
    assert speeds.conv_macs_per_second(1, 1) == pytest.approx(10)


def test_what_was_measured_is_kept_for_this_machine_only(monkeypatch):
    monkeypatch.setattr(speed, "_measure", lambda device, precision: FLAT)
    monkeypatch.setattr(precision, "cpu_multiplies_bf16", lambda: True)
    assert speed.measure("cpu") == {"bf16": FLAT, "float32": FLAT}
    assert speed.read("cpu", "bf16") == FLAT
    monkeypatch.setattr(speed, "_machine", lambda: "another")
    assert speed.read("cpu", "bf16").basis != "test"


@pytest.mark.parametrize("content", ["", "[]", '{"cpu bf16": 3}', '{"cpu bf16": {"machine": 1}}'])
def test_damaged_calibrations_are_ignored(content):
    speed.file().parent.mkdir(parents=True)
    speed.file().write_text(content)
    assert "typical" in speed.read("cpu", "bf16").basis


def test_measuring_gives_usable_speeds(monkeypatch):
    monkeypatch.setattr(speed, "_PROBE_MACS", 1e6)
    monkeypatch.setattr(speed, "_PROBE_IMAGES", 4)
    monkeypatch.setattr(speed, "_WIDE", 64)
    speeds = speed._measure(torch.device("cpu"), "float32")
    assert all(value > 0 for row in speeds.conv for value in row)
    assert all(value > 0 for value in speeds[1:-1])


def test_a_gpu_that_was_not_measured_has_no_time(monkeypatch):
    monkeypatch.setattr(speed, "device_choices", lambda device: ["cuda:0"])
    estimate = cost.estimate(SMALL, TrainConfig(device="cuda"))
    assert estimate.seconds_per_epoch is None
    assert "not been measured" in estimate.basis and estimate.memory_bytes > 0


def test_every_preset_has_an_estimate_without_torch():
    code = (
        "import sys\nfrom vggcore.model import presets\nfrom vggcore.training import cost\n"
        "for p in presets.PRESETS.values():\n"
        "    assert cost.estimate(p.spec, p.train).seconds_per_epoch > 0\n"
        "print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "False\n", result.stderr


def test_calibrate_command_says_what_it_means(monkeypatch, capsys):
    import argparse

    monkeypatch.setattr(speed, "_measure", lambda device, precision: FLAT)
    parser = argparse.ArgumentParser()
    measure_speed.add_arguments(parser)
    assert measure_speed.run(parser.parse_args(["--device", "cpu"])) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in PRESETS)
    measure_speed.run(parser.parse_args(["--device", "cpu", "--json"]))
    assert json.loads(capsys.readouterr().out)["float32"]["linear"] == 1e9


@pytest.mark.parametrize("batch", [64, 128, 256])
def test_an_epoch_of_wild_has_as_many_steps_whatever_the_batch(batch):
    train = TrainConfig(dataset="wild", batch_size=batch)

    assert cost.train_images(train) == 400 * batch


def test_measured_speeds_follow_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("VGGCORE_CACHE", str(tmp_path / "volume"))

    assert speed.file().parent == tmp_path / "volume"


def test_the_largest_batch_fits_and_twice_as_many_do_not():
    preset = PRESETS["best"]
    for free in (1_500_000_000, 4_000_000_000):
        size = cost.largest_batch(preset.spec, preset.train, free)
        needed, twice = (
            cost.process_bytes(preset.spec, replace(preset.train, batch_size=images))
            for images in (size, 2 * size)
        )
        assert needed <= 0.8 * free < twice

    few = replace(preset.train, train_limit=100)
    assert cost.largest_batch(preset.spec, few, 10**12) == 64
    with pytest.raises(ValueError, match="not even one image"):
        cost.largest_batch(preset.spec, preset.train, 0)
