"""A run so small that it trains in a second, with everything random turned on."""

from pathlib import Path

from vggcore.data import raw_files
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import TrainConfig
from vggcore.runs import folder

SPEC = VGGSpec(
    configuration="A", width="1/32", batch_norm=True, image_size=32, head="pool", dropout=0.2
)
TRAIN = TrainConfig(
    dataset="synthetic",
    epochs=3,
    batch_size=24,
    learning_rate=0.01,
    flip=True,
    shift=2,
    erase=0.5,
    mixup=0.2,
    cutmix=0.3,
    label_smoothing=0.1,
    ema=0.9,
    optimizer="muon",
    device="cpu",
    precision="float32",
    checkpoint_seconds=0.001,  # a checkpoint at every step
)
IMAGES = {"train": 96, "validation": 60, "test": 60}
STEPS = 12


def create(path: Path, spec: VGGSpec = SPEC, train: TrainConfig = TRAIN):
    """The folder of a tiny run. Also makes the synthetic data set small, in this process."""
    raw_files.SYNTHETIC_COUNTS.update(IMAGES)
    return folder.create(path, spec, train)
