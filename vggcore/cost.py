"""What training will need: peak memory, seconds per epoch, disk. No PyTorch to estimate.

Memory is counted tensor by tensor: what stays (weights, gradients, optimizer, averaged weights,
data), plus the largest of what comes and goes (a training step, an evaluation, saving). Time comes
from this machine's calibration (`vggcore.speed`), or from stated figures without one.
`benchmarks/training_cost.py` holds both against measurements.
"""

from math import prod, sqrt
from typing import NamedTuple

from vggcore import anatomy, speed
from vggcore.architectures import VGGSpec
from vggcore.config import TrainConfig

FLOAT_BYTES = 4
EVALUATED_IMAGES, EVALUATED_PIXELS = 500, 2_000_000  # at most at once, as in `evaluation`
# What the process itself gains with its first step on a CPU: compiled kernels, library code that
# the optimizer imports, the allocator's slack. Measured.
RUNTIME_BYTES = 250_000_000
IMAGES = {  # of one epoch, validation, test
    "fashion-mnist": (55_000, 5_000, 10_000),
    "wild": (51_200, 5_500, 10_000),
    "synthetic": (4_000, 500, 500),
}
_WILD_PICTURES = 133_000  # in the pools that `wild` draws its batches from
_OPTIMIZER_FLOATS = {"adam": 2, "adamw": 2, "sgd": 1, "muon": 1}  # Muon: of its convolutions


class Estimate(NamedTuple):
    """What a run will need, about."""

    memory_bytes: int  # peak that training adds to the process, or allocates on the GPU
    seconds_per_epoch: float | None  # None where nothing is known about the device
    disk_bytes: int  # largest size of the run folder
    basis: str  # where the time comes from, for people


def estimate(spec: VGGSpec, train: TrainConfig) -> Estimate:
    """Memory, time and disk of training `spec` by the recipe `train`."""
    speeds = speed.read(train.device, train.precision)
    return Estimate(
        memory_bytes=memory_bytes(spec, train),
        seconds_per_epoch=seconds_per_epoch(spec, train, speeds) if speeds else None,
        disk_bytes=disk_bytes(spec, train),
        basis=speeds.basis if speeds else f"{train.device} has not been measured yet",
    )


def train_images(train: TrainConfig) -> int:
    """Images of one epoch."""
    images = IMAGES[train.dataset][0]
    return min(train.train_limit or images, images)


def batch_size(train: TrainConfig) -> int:
    return min(train.batch_size, train_images(train))


def memory_bytes(spec: VGGSpec, train: TrainConfig) -> int:
    """Peak bytes of training beyond the process before it."""
    weights = anatomy.totals(spec).parameter_bytes
    state = _state_bytes(spec, train)
    stays = state + _data_bytes(spec, train)
    comes_and_goes = max(
        weights + _step_bytes(spec, train),  # `weights`: the gradients
        2 * weights + _evaluation_bytes(spec),  # gradients, and the best epoch's weights
        weights + 2 * state,  # saving: safetensors holds the state as bytes, twice
    )
    on_gpu = speed.device_kind(train.device) == "cuda"
    return stays + comes_and_goes + (0 if on_gpu else RUNTIME_BYTES)


def _data_bytes(spec: VGGSpec, train: TrainConfig) -> int:
    """The images, and their split into training, validation and test beside them."""
    held = sum(IMAGES[train.dataset]) * 2 * 28 * 28
    if train.dataset == "wild":
        held += _WILD_PICTURES * (spec.image_size**2 + 11 * FLOAT_BYTES)  # with their targets
    return held


def disk_bytes(spec: VGGSpec, train: TrainConfig) -> int:
    """Largest size of the run folder: two resumable states and one being written, best weights."""
    return 3 * _state_bytes(spec, train) + 2 * anatomy.totals(spec).parameter_bytes


def _state_bytes(spec: VGGSpec, train: TrainConfig) -> int:
    """Weights, optimizer state, averaged weights: what a resumable checkpoint holds."""
    copies = 1 + _OPTIMIZER_FLOATS[train.optimizer] + bool(train.ema)
    return copies * anatomy.totals(spec).parameter_bytes


def _step_bytes(spec: VGGSpec, train: TrainConfig) -> int:
    """Peak of one step: what layers keep for the backward pass, and the gradients passing back."""
    size = _number_bytes(train)
    images = batch_size(train)
    live = images * spec.in_channels * spec.image_size**2 * (FLOAT_BYTES + size)
    if size < FLOAT_BYTES:
        live += anatomy.totals(spec).parameters * size  # autocast's copies of the weights
    peak = live
    for row in anatomy.walk(spec):
        live += images * _kept_bytes(row, size)
        # The gradients of a layer's output and input exist at the same time.
        gradients = (prod(row.output_shape) + prod(row.input_shape)) * size
        peak = max(peak, live + images * gradients)
    return peak


def _number_bytes(train: TrainConfig) -> int:
    return 2 if train.precision == "bf16" else FLOAT_BYTES


def _kept_bytes(row: anatomy.Layer, size: int) -> int:
    """Bytes that a layer keeps for the backward pass, one image, at `size` bytes a number."""
    outputs = prod(row.output_shape)
    return {
        "max-pool": outputs * (size + _INDEX_BYTES),
        "lrn": outputs * 6 * FLOAT_BYTES,  # made of plain operations, each of which keeps its own
        "dropout": outputs * 2 * size,  # and its mask
        "relu": 0,  # in place
        "flatten": 0,  # a view
    }.get(row.kind, outputs * size)


_INDEX_BYTES = 8  # a max-pool also writes where each maximum was


def _evaluation_bytes(spec: VGGSpec) -> int:
    """Peak of the test at the end, in float32: the widest layer's input and output."""
    images = max(1, min(EVALUATED_IMAGES, EVALUATED_PIXELS // spec.image_size**2))
    widest = max(
        (prod(row.input_shape) + prod(row.output_shape)) * FLOAT_BYTES
        + (prod(row.output_shape) * _INDEX_BYTES if row.kind == "max-pool" else 0)
        for row in anatomy.walk(spec)
        if row.kind not in ("relu", "flatten")
    )
    return images * (widest + spec.in_channels * spec.image_size**2 * FLOAT_BYTES)


def seconds_per_epoch(spec: VGGSpec, train: TrainConfig, speeds: speed.Speeds) -> float:
    """Time of one epoch with its validation, on an otherwise idle machine."""
    steps = max(1, train_images(train) // batch_size(train))
    validation = IMAGES[train.dataset][1] * _image_seconds(spec, speeds) / 3  # forward only
    return steps * seconds_per_step(spec, train, speeds) + validation


def seconds_per_step(spec: VGGSpec, train: TrainConfig, speeds: speed.Speeds) -> float:
    """Time of one batch, forward, backward and optimizer, on an otherwise idle machine."""
    averaged = 1.4 if train.ema else 1  # the moving average reads and writes all weights again
    weights = averaged * anatomy.totals(spec).parameters / speeds.parameters
    layers = len(anatomy.walk(spec)) * speeds.layer
    return weights + layers + batch_size(train) * _image_seconds(spec, speeds)


def _image_seconds(spec: VGGSpec, speeds: speed.Speeds) -> float:
    """Forward and backward of one image."""
    return sum(_layer_seconds(row, speeds) for row in anatomy.walk(spec))


def _layer_seconds(row: anatomy.Layer, speeds: speed.Speeds) -> float:
    """Forward and backward of one image through a layer."""
    if row.kind == "linear":
        return row.macs / speeds.linear
    if row.kind == "conv":
        inputs, outputs = row.input_shape[1], row.output_shape[1]
        seconds = row.macs / speeds.conv_macs_per_second(sqrt(inputs * outputs), row.input_shape[2])
        # The first layer needs no gradient of its input, which is a third of the work.
        return seconds * (2 / 3 if row.name == "block1.conv1" else 1)
    if row.kind in ("batch-norm", "max-pool"):
        return prod(row.input_shape) / speeds.numbers
    return 6 * prod(row.input_shape) / speeds.numbers if row.kind == "lrn" else 0.0
