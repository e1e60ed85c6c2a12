"""A run's curves as TensorBoard event files. Needs the optional package `tensorboard`."""

import importlib.util
import io
import tempfile
import zipfile
from pathlib import Path

from vggcore.runs.metrics import STEP_COLUMNS, MetricsLog


def available() -> bool:
    """Whether the optional package is installed."""
    return importlib.util.find_spec("tensorboard") is not None


def write(log: MetricsLog, folder: Path) -> None:
    """Write event files for `tensorboard --logdir` into `folder`."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for row in log.steps().to_dict("records"):
            for name in STEP_COLUMNS[3:]:
                writer.add_scalar(f"step/{name}", row[name], int(row["step"]))
        for row in log.epochs():
            for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy"):
                if name in row:
                    writer.add_scalar(f"epoch/{name}", row[name], int(row["step"]))


def zipped(log: MetricsLog) -> bytes:
    """The event files as one zip archive."""
    content = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        write(log, Path(folder))
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(Path(folder).rglob("events*")):
                archive.write(file, file.name)
    return content.getvalue()
