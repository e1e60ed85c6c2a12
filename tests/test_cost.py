import json
import subprocess
import sys

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from vggcore import anatomy, calibrate_command, cost, evaluation, speed
from vggcore.architectures import VGGSpec
from vggcore.config import PRESETS, TrainConfig
from vggcore.network import build

SMALL = VGGSpec(configuration="A", width="1/8", image_size=64, head="pool")
FLAT = speed.Speeds(
    conv=[[1e9] * 3] * 4, linear=1e9, numbers=1e9, parameters=1e9, layer=0.0, basis="test"
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.parametrize("head", ["fc", "pool"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_kept_bytes_are_what_autograd_keeps(head, batch_norm):
    spec = VGGSpec(configuration="D", width="1/4", image_size=64, head=head, batch_norm=batch_norm)
    network, images, kept = build(spec), 4, {}
    own = {p.untyped_storage().data_ptr() for p in network.parameters()}

    def note(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        loss = network(torch.rand(images, 1, 64, 64)).sum()
    predicted = images * sum(cost._kept_bytes(row, 4) for row in anatomy.walk(spec))
    assert loss.requires_grad
    assert predicted == pytest.approx(sum(kept.values()), rel=0.1)


def test_memory_grows_by_the_activations_of_each_image():
    small, large = (
        cost.memory_bytes(SMALL, TrainConfig(batch_size=size, precision="float32"))
        for size in (2000, 4000)
    )
    kept = sum(cost._kept_bytes(row, 4) for row in anatomy.walk(SMALL))
    assert kept <= (large - small) / 2000 <= 3 * kept


def test_memory_depends_on_the_recipe_as_it_should():
    def needs(**knobs) -> int:
        return cost.memory_bytes(SMALL, TrainConfig(**dict(batch_size=4096) | knobs))

    weights = anatomy.totals(SMALL).parameter_bytes
    assert needs(precision="bf16") < needs(precision="float32")
    assert needs(optimizer="adam") - needs(optimizer="sgd") == weights
    assert needs(ema=0.9) - needs(ema=0.0) == weights
    assert needs(train_limit=128) < needs()  # the batch can be no larger than the data


def test_a_network_of_many_weights_peaks_while_saving():
    spec = VGGSpec(configuration="A", image_size=32)
    weights = anatomy.totals(spec).parameter_bytes
    needed = cost.memory_bytes(spec, TrainConfig(batch_size=1, device="cpu")) - cost.RUNTIME_BYTES
    assert needed == 3 * weights + weights + 6 * weights + 70_000 * 2 * 28 * 28


def test_disk_holds_three_states_and_the_best_weights():
    weights = anatomy.totals(SMALL).parameter_bytes
    assert cost.disk_bytes(SMALL, TrainConfig(optimizer="adam")) == 3 * 3 * weights + 2 * weights


def test_evaluation_is_assumed_as_it_is():
    assert (cost.EVALUATED_IMAGES, cost.EVALUATED_PIXELS) == (
        evaluation.MOST_IMAGES, evaluation.MOST_PIXELS,
    )  # fmt: skip
    assert [evaluation.batch_size(side) for side in (32, 224, 1024)] == [500, 39, 1]


def test_time_is_work_divided_by_speed():
    train = TrainConfig(dataset="synthetic", batch_size=100)
    first = anatomy.walk(SMALL)[0].macs
    macs = anatomy.totals(SMALL).macs - first / 3  # no gradient of the input
    pooled = sum(4 * r.output_shape[1] * r.output_shape[2] ** 2 for r in anatomy.walk(SMALL)
                 if r.kind == "max-pool")  # fmt: skip
    step = 100 * (macs + pooled) / 1e9 + anatomy.totals(SMALL).parameters / 1e9
    assert cost.seconds_per_step(SMALL, train, FLAT) == pytest.approx(step)
    epoch = cost.seconds_per_epoch(SMALL, train, FLAT)
    assert epoch == pytest.approx(40 * step + 500 / 3 * (macs + pooled) / 1e9)


def test_speeds_are_interpolated_between_measured_points():
    table = [[10.0, 40.0, 90.0], [20.0, 80.0, 180.0], [20.0, 80.0, 180.0], [20.0, 80.0, 180.0]]
    speeds = FLAT._replace(conv=table)
    assert speeds.conv_macs_per_second(8, 8) == pytest.approx(40)
    assert speeds.conv_macs_per_second(16, 4) == pytest.approx((10 * 20 * 40 * 80) ** 0.25)
    assert speeds.conv_macs_per_second(4096, 1000) == pytest.approx(180)
    assert speeds.conv_macs_per_second(1, 1) == pytest.approx(10)


def test_calibration_is_kept_for_this_machine_only(monkeypatch):
    monkeypatch.setattr(speed, "_measure", lambda device, precision: FLAT)
    assert speed.calibrate("cpu") == {"bf16": FLAT, "float32": FLAT}
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
    speeds = speed._measure(torch.device("cpu"), "float32")
    assert all(value > 0 for row in speeds.conv for value in row)
    assert min(speeds.linear, speeds.numbers, speeds.parameters, speeds.layer) > 0


def test_a_gpu_that_was_not_measured_has_no_time(monkeypatch):
    monkeypatch.setattr(speed, "device_choices", lambda device: ["cuda:0"])
    estimate = cost.estimate(SMALL, TrainConfig(device="cuda"))
    assert estimate.seconds_per_epoch is None
    assert "not been measured" in estimate.basis and estimate.memory_bytes > 0


def test_every_preset_has_an_estimate_without_torch():
    code = (
        "import sys; from vggcore import config, cost\n"
        "for p in config.PRESETS.values():\n"
        "    assert cost.estimate(p.spec, p.train).seconds_per_epoch > 0\n"
        "print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "False\n", result.stderr


def test_calibrate_command_says_what_it_means(monkeypatch, capsys):
    import argparse

    monkeypatch.setattr(speed, "_measure", lambda device, precision: FLAT)
    parser = argparse.ArgumentParser()
    calibrate_command.add_arguments(parser)
    assert calibrate_command.run(parser.parse_args(["--device", "cpu"])) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in PRESETS)
    calibrate_command.run(parser.parse_args(["--device", "cpu", "--json"]))
    assert json.loads(capsys.readouterr().out)["bf16"]["linear"] == 1e9
