"""How far a run is, counted so that nothing is lost or counted twice when it stops and resumes."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vggcore.machine import distributed
from vggcore.machine.messages import Message


class TrainingFailed(RuntimeError):
    """Training cannot continue; the message says at which step, why, and what to do."""


@dataclass
class Progress:
    """Saved with every checkpoint."""

    step: int = 0  # steps done
    seconds: float = 0.0  # training time over all sessions of this run
    best_val_accuracy: float = -1.0
    best_score: float = -1.0  # what the best epoch was chosen by: accuracy, or a score based on it
    best_epoch: int = 0
    window: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])  # loss, correct, images
    epoch: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    metrics_bytes: int = 0  # length of metrics.jsonl at this point
    threads: int = 0  # CPU threads of the session that saved this
    precision: str = ""  # of that session
    pictures: str = ""  # digest of how that session drew the pictures, if versions differ in that
    scaler: dict = field(default_factory=dict)  # state of float16's loss scaling; else empty

    @classmethod
    def from_saved(cls, values: dict) -> "Progress":
        """What was saved with a checkpoint, also by a version that called the score a rank."""
        renamed = {"best_rank": "best_score"}
        return cls(**{renamed.get(name, name): value for name, value in values.items()})

    def not_finite(self, what: str) -> TrainingFailed:
        """The failure to raise when `what` is no longer finite."""
        return TrainingFailed(
            Message(
                "{what} is no longer a finite number at step {step}: try a lower learning rate; "
                "the last good checkpoint is kept",
                what=what,
                step=self.step,
            )
        )


class RunningMetrics:
    """Loss and right answers since they were last read, summed on the device.

    Reading them makes a GPU wait, so it happens only when they are logged or saved.
    """

    def __init__(self, device: torch.device):
        # Apple's GPUs have no float64.
        dtype = torch.float32 if device.type == "mps" else torch.float64
        self.sums = torch.zeros(2, dtype=dtype, device=device)
        self.pending = 0  # images

    @torch.no_grad()
    def add(self, loss: Tensor, correct: Tensor, images: int) -> None:
        """Add one step's mean loss and number of right answers, for this process's images."""
        self.sums += torch.stack([loss.detach() * images, correct]).to(self.sums.dtype)
        self.pending += images * distributed.world_size()

    def collect(self, progress: Progress) -> None:
        """Read the sums off the device (a sync point) into the progress. Raises TrainingFailed."""
        loss, correct = distributed.sum_over_processes(self.sums).cpu().tolist()
        if not math.isfinite(loss):
            raise progress.not_finite(Message("the loss"))
        for sums in (progress.window, progress.epoch):
            for index, value in enumerate((loss, correct, self.pending)):
                sums[index] += value
        self.sums.zero_()
        self.pending = 0
