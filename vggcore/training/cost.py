"""What training will need: peak memory, seconds per epoch, disk. Estimates without PyTorch.

Memory is counted tensor by tensor: what stays (weights, gradients, optimizer, averaged weights,
data), plus the largest of what comes and goes (a training step, an evaluation, saving). Time is
estimated from this machine's calibration (`vggcore.training.speed`), or else from stated figures.
`benchmarks/training_cost.py` checks both against measurements.
"""

from dataclasses import replace
from math import prod, sqrt
from typing import NamedTuple

from vggcore.data import raw_files
from vggcore.data.own.splits import SHARE
from vggcore.machine import precision
from vggcore.machine.memory import evaluated_at_once
from vggcore.machine.messages import Message
from vggcore.model import anatomy
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import (
    CORRECTION_STEPS,
    CORRECTIONS,
    FEWEST_STEPS,
    OWN,
    WILD_STEPS_PER_EPOCH,
    TrainConfig,
)
from vggcore.training import speed

FLOAT_BYTES = 4
# What the process itself grows by at its first step on a CPU, however small the network: compiled
# kernels. Measured.
RUNTIME_BYTES = 20_000_000
# Of a process that has imported PyTorch and not trained yet: its memory, and how long it took.
PROCESS_BYTES = 610_000_000
START_SECONDS = 5.0
IMAGES = {  # of one epoch, validation, test
    name: (counts["train"], counts["validation"], counts["test"])
    for name, counts in (
        ("fashion-mnist", raw_files.COUNTS),
        # Of an epoch: see `train_images`. Real pictures are held out, too.
        ("wild", raw_files.COUNTS | {"train": 0, "validation": 6_000}),
        ("synthetic", raw_files.SYNTHETIC_COUNTS),
    )
}
_USABLE = 0.8  # share of the free memory that a run may plan with
_WILD_PICTURES = 133_000  # in the pools that `wild` draws its batches from, besides Fashion-MNIST
_OPTIMIZER_NUMBERS = {"adam": 2, "adamw": 2, "sgd": 1, "muon": 2}  # for each weight
_MUON_NUMBERS = 1  # for each weight of a convolution that Muon updates


class Estimate(NamedTuple):
    """What a run will need, approximately."""

    memory_bytes: int  # peak of the whole process, or of what it allocates on the GPU
    seconds_per_epoch: float | None  # None if nothing is known about the device
    test_seconds: float  # of the test at the end
    disk_bytes: int  # largest size of the run folder
    basis: str  # where the time comes from, for people

    def seconds(self, epochs: int, processes: int = 1) -> float | None:
        """From launching the run to its end; None if nothing is known about the device."""
        if self.seconds_per_epoch is None:
            return None
        return START_SECONDS + (epochs * self.seconds_per_epoch + self.test_seconds) / processes


def estimate(spec: VGGSpec, train: TrainConfig) -> Estimate:
    """Memory, time and disk of training `spec` by the recipe `train`."""
    speeds = speed.read(train.device, _precision(train))
    return Estimate(
        memory_bytes=process_bytes(spec, train),
        seconds_per_epoch=seconds_per_epoch(spec, train, speeds) if speeds else None,
        test_seconds=seconds_of_test(spec, train, speeds) if speeds else 0.0,
        disk_bytes=disk_bytes(spec, train),
        basis=speeds.basis
        if speeds
        else Message("{device} has not been measured yet", device=train.device),
    )


def largest_batch(spec: VGGSpec, train: TrainConfig, free_bytes: int) -> int:
    """The largest power of two of images that, by the estimate, fit into a step.

    Leaves a fifth of the free memory to others and to what the estimate misses. At most one
    epoch's images. Raises ValueError if not even one image fits.
    """
    fitting = 0
    for size in (2**power for power in range(14)):
        tried = replace(train, batch_size=size)
        if train.dataset != "wild" and size > train_images(train):
            break
        if process_bytes(spec, tried) > _USABLE * free_bytes:
            break
        fitting = size
    if not fitting:
        raise ValueError(
            Message(
                "not even one image fits into {free_bytes:.1f} GB of free memory: choose a "
                "smaller width or image size",
                free_bytes=free_bytes / 1e9,
            )
        )
    return fitting


def train_images(train: TrainConfig) -> int:
    """Number of images in one epoch."""
    if train.dataset == "wild":  # drawn anew for each step
        return WILD_STEPS_PER_EPOCH * train.batch_size
    images = images_of(train)[0]
    return min(train.train_limit or images, images)


def images_of(train: TrainConfig) -> tuple[int, int, int]:
    """Images for training, validation and test; one each if the pictures are missing."""
    if train.dataset == CORRECTIONS:
        return CORRECTION_STEPS * train.batch_size, 1_000, raw_files.COUNTS["test"]
    if train.dataset != OWN:
        return IMAGES[train.dataset]
    from vggcore.data.own.listing import PicturesError
    from vggcore.data.own.sources import numbers

    try:
        pictures = numbers(train.pictures).pictures if train.pictures else 0
    except PicturesError:
        pictures = 0
    judging = max(1, round(SHARE * pictures))
    return max(1, pictures - 2 * judging), judging, judging


def batch_size(train: TrainConfig) -> int:
    return min(train.batch_size, train_images(train))


def memory_bytes(spec: VGGSpec, train: TrainConfig) -> int:
    """Peak bytes that training adds to the process."""
    weights = anatomy.totals(spec).parameter_bytes
    stays = _state_bytes(spec, train) + _data_bytes(spec, train)
    on_gpu = speed.device_kind(train.device) == "cuda"
    step, evaluation = _step(spec, train), _evaluation(spec, on_gpu)
    # During a step: also the gradients. During the test: these, and the best epoch's weights.
    comes_and_goes = max(weights + step.most(on_gpu), 2 * weights + evaluation.most(on_gpu))
    if on_gpu:
        return stays + comes_and_goes
    # What is saved is copied into main memory, not the GPU's.
    comes_and_goes = max(comes_and_goes, weights + _saving(spec, train).most(on_gpu))
    return stays + comes_and_goes + RUNTIME_BYTES


def process_bytes(spec: VGGSpec, train: TrainConfig) -> int:
    """Peak of what a run's page shows as its memory: of the process, or allocated on the GPU."""
    on_gpu = speed.device_kind(train.device) == "cuda"
    return memory_bytes(spec, train) + (0 if on_gpu else PROCESS_BYTES)


class _Blocks:
    """Memory that comes and goes, block by block; sizes in bytes.

    On a CPU the C library keeps blocks of up to 32 MiB in its heap. There a freed block seldom
    fits the next, which must be aligned, so holes remain: about half of what is there
    (measured, on networks that the benchmark leaves out). Larger blocks come from the system
    and go back to it.
    """

    HEAP_BLOCK, HOLES = 32 * 2**20, 0.5

    def __init__(self):
        self.allocated = self.resident = 0  # now
        self.most_allocated = self.most_resident = 0

    def add(self, *sizes: int) -> None:
        """Add blocks that stay until the end."""
        self.allocated, self.resident = self.pass_by(*sizes)

    def pass_by(self, *sizes: int) -> tuple[int, float]:
        """Add blocks that exist for a moment. Returns the bytes allocated and resident then."""
        holes = self.HOLES * sum(size for size in sizes if size <= self.HEAP_BLOCK)
        allocated = self.allocated + sum(sizes)
        resident = self.resident + sum(sizes) + holes
        self.most_allocated = max(self.most_allocated, allocated)
        self.most_resident = max(self.most_resident, resident)
        return allocated, resident

    def most(self, on_gpu: bool) -> int:
        """Most bytes at any time: allocated on a GPU, resident on a CPU."""
        return self.most_allocated if on_gpu else round(self.most_resident)


def _data_bytes(spec: VGGSpec, train: TrainConfig) -> int:
    """The images, and also their split into training, validation and test."""
    if train.dataset in (OWN, CORRECTIONS):
        # As the network receives them; the training images twice.
        images = images_of(train)
        return (sum(images) + images[0]) * spec.in_channels * spec.image_size**2
    held = sum(IMAGES[train.dataset]) * 2 * 28 * 28
    if train.dataset == "wild":
        fashion, validation = IMAGES["fashion-mnist"][0], IMAGES["wild"][1]
        channels = 1 if spec.in_channels == 1 else 4  # Fashion-MNIST is tinted for each step
        pixels = fashion + (_WILD_PICTURES + validation) * channels
        held += pixels * spec.image_size**2
        held += (fashion + _WILD_PICTURES) * 11 * FLOAT_BYTES  # their targets
    return held


def disk_bytes(spec: VGGSpec, train: TrainConfig) -> int:
    """Largest size of the run folder: two resumable states and one being written, best weights."""
    return 3 * _state_bytes(spec, train) + 2 * anatomy.totals(spec).parameter_bytes


def _state_bytes(spec: VGGSpec, train: TrainConfig) -> int:
    """Weights, optimizer state, averaged weights: what a resumable checkpoint holds."""
    averaged = bool(train.ema) * anatomy.totals(spec).parameter_bytes
    return averaged + sum(n * row.parameter_bytes for row, n in _copies(spec, train))


def _copies(spec: VGGSpec, train: TrainConfig) -> list[tuple[anatomy.Layer, int]]:
    """Layers with weights, and how many copies of them exist: their own, and the optimizer's."""
    rows = [row for row in anatomy.walk(spec) if row.parameters]
    copies = [1 + _OPTIMIZER_NUMBERS[train.optimizer]] * len(rows)
    if train.optimizer == "muon":  # all convolutions but the first, as `training.make_optimizer`
        for index in [i for i, row in enumerate(rows) if row.kind == "conv"][1:]:
            copies[index] = 1 + _MUON_NUMBERS
    return list(zip(rows, copies, strict=True))


def _saving(spec: VGGSpec, train: TrainConfig) -> _Blocks:
    """Writing a resumable checkpoint."""
    copies = _copies(spec, train)
    blocks = _Blocks()
    for row, number in copies:
        if row.kernel == 3:  # channels last: its tensors are copied into plain order
            blocks.add(*number * [row.parameter_bytes])
    # safetensors holds the state as bytes twice: tensor by tensor, and as one file.
    for row, number in copies:
        blocks.add(*(number + bool(train.ema)) * [row.parameter_bytes])
    blocks.add(_state_bytes(spec, train))
    return blocks


def _step(spec: VGGSpec, train: TrainConfig) -> _Blocks:
    """One step: what layers keep for the backward pass, and the gradients passing back."""
    size = _number_bytes(train)
    images = batch_size(train)
    pixels = images * spec.in_channels * spec.image_size**2
    blocks = _Blocks()
    blocks.add(pixels * FLOAT_BYTES)
    if size < FLOAT_BYTES:  # autocast's copies of images and weights
        blocks.add(pixels * size, *(row.parameters * size for row in anatomy.walk(spec)))
    for row in anatomy.walk(spec):
        blocks.add(*(images * number for number in _kept_bytes(row, size)))
        blocks.pass_by(*(images * number for number in _passing_bytes(row, size)))
    return blocks


def _number_bytes(train: TrainConfig) -> int:
    return precision.BYTES[_precision(train)]


def _precision(train: TrainConfig) -> str:
    return precision.expected(train.precision, speed.device_kind(train.device))


def _kept_bytes(row: anatomy.Layer, size: int) -> list[int]:
    """Bytes that a layer keeps of one image for the backward pass, by tensor.

    size: bytes per number.
    """
    outputs = prod(row.output_shape)
    if row.kind in ("relu", "flatten"):  # in place; a view
        return []
    if row.kind == "max-pool":
        return [outputs * size, outputs * _INDEX_BYTES]
    if row.kind == "dropout":
        return [outputs * size, outputs * size]  # the outputs and the mask
    if row.kind == "lrn":
        # Plain operations that each keep their own, in float32 even under autocast: the squares
        # with two maps of zeros on either side, their mean, the divisor, the quotient.
        _, channels, height, width = row.output_shape
        squares = (channels + 4) * height * width * FLOAT_BYTES
        return [squares] + 3 * [outputs * FLOAT_BYTES]
    return [outputs * size]


def _passing_bytes(row: anatomy.Layer, size: int) -> list[int]:
    """What exists of one image while the gradient passes back through a layer."""
    if row.kind == "lrn":  # gradients of quotient, divisor and input, and an intermediate product
        return 4 * [prod(row.output_shape) * FLOAT_BYTES]
    # The gradients of a layer's output and input exist at the same time.
    return [prod(row.output_shape) * size, prod(row.input_shape) * size]


_INDEX_BYTES = 8  # a max-pool also stores where each maximum was


def _evaluation(spec: VGGSpec, on_gpu: bool) -> _Blocks:
    """The test at the end, in float32."""
    images = evaluated_at_once(spec.image_size, "gpu" if on_gpu else "cpu")
    blocks = _Blocks()
    blocks.add(images * spec.in_channels * spec.image_size**2 * FLOAT_BYTES)
    for row in anatomy.walk(spec):
        blocks.pass_by(*(images * number for number in _evaluated_bytes(row)))
    return blocks


def _evaluated_bytes(row: anatomy.Layer) -> list[int]:
    """What exists of one image while a layer computes, without gradients, in float32."""
    inputs, outputs = prod(row.input_shape) * FLOAT_BYTES, prod(row.output_shape) * FLOAT_BYTES
    if row.kind in ("relu", "flatten"):
        return [inputs]
    if row.kind == "lrn":  # the mean of the squares, and its product and sum with constants
        return [inputs] + 3 * [outputs]
    if row.kind == "max-pool":
        return [inputs, outputs, prod(row.output_shape) * _INDEX_BYTES]
    return [inputs, outputs]


def seconds_per_epoch(spec: VGGSpec, train: TrainConfig, speeds: speed.Speeds) -> float:
    """Time of one epoch with its validation, on an otherwise idle machine."""
    fewest = FEWEST_STEPS if train.dataset == OWN else 1
    steps = max(fewest, train_images(train) // batch_size(train))
    validation = _answering_seconds(spec, train, images_of(train)[1], speeds)
    return steps * seconds_per_step(spec, train, speeds) + validation


def _answering_seconds(
    spec: VGGSpec, train: TrainConfig, images: int, speeds: speed.Speeds
) -> float:
    """Time of the answers to validation or test images."""
    # Each is also seen mirrored, and of photos, a seventh of them, the middle too.
    looks = 2.3 if train.dataset == "wild" else 1
    return images * looks * _image_seconds(spec, speeds) / 3  # forward only


def seconds_of_test(spec: VGGSpec, train: TrainConfig, speeds: speed.Speeds) -> float:
    """Time of the test at the end, on an otherwise idle machine."""
    return _answering_seconds(spec, train, images_of(train)[2], speeds)


def seconds_per_step(spec: VGGSpec, train: TrainConfig, speeds: speed.Speeds) -> float:
    """Time of one batch, forward, backward and optimizer, on an otherwise idle machine."""
    averaged = 1.4 if train.ema else 1  # the moving average reads and writes all weights again
    totals = anatomy.totals(spec)
    convs = totals.conv_parameters / speeds.conv_parameters
    weights = convs + (totals.parameters - totals.conv_parameters) / speeds.parameters
    layers = len(anatomy.walk(spec)) * speeds.layer
    return averaged * weights + layers + batch_size(train) * _image_seconds(spec, speeds)


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
        # The first layer needs no gradient for its input, which saves a third of the work.
        return seconds * (2 / 3 if row.name == "block1.conv1" else 1)
    if row.kind in ("batch-norm", "max-pool"):
        return prod(row.input_shape) / speeds.numbers
    return prod(row.input_shape) / speeds.lrn if row.kind == "lrn" else 0.0
