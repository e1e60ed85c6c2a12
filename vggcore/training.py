"""Training: one loop, exact resume, clear failure.

A run is a folder (see `run_folder`). What a step does depends only on the seed and the step's
number: batches, augmentation and dropout draw from generators seeded with them. So a run that was
killed goes on from its last checkpoint with exactly the numbers it would have had.
"""

import logging
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import torch
from torch import nn

from vggcore import checkpoints, data, devices
from vggcore.architectures import VGGSpec
from vggcore.config import TrainConfig
from vggcore.network import VGG, build
from vggcore.resume import ResumeState, load_last, save_last
from vggcore.run_folder import RunFolder

log = logging.getLogger(__name__)

LOGS_PER_EPOCH = 20
STOP_CHECK_SECONDS = 0.25
STATUS_SECONDS = 1.0
WARM_UP = 0.2  # share of a one-cycle schedule in which the learning rate rises


class TrainingFailed(RuntimeError):
    """Training cannot go on; the message says at which step, why, and what to do."""


@dataclass
class Progress:
    """Where a run is. Saved with every checkpoint, so that nothing is counted twice or lost."""

    step: int = 0  # steps done
    seconds: float = 0.0  # training time in all sessions of this run
    best_val_accuracy: float = -1.0
    best_epoch: int = 0
    window: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])  # loss, correct, images
    epoch: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    metrics_bytes: int = 0  # length of metrics.jsonl at this point


def learning_rate(train: TrainConfig, step: int, total_steps: int) -> float:
    """Learning rate of a step: constant, or linear up and linear down to zero (one cycle)."""
    if train.schedule == "constant":
        return train.learning_rate
    warm_up = max(1, round(WARM_UP * total_steps))
    if step < warm_up:
        return train.learning_rate * (step + 1) / warm_up
    return train.learning_rate * (total_steps - step) / max(1, total_steps - warm_up)


def make_optimizer(train: TrainConfig, network: nn.Module) -> torch.optim.Optimizer:
    """Adam, AdamW or SGD (Nesterov, momentum 0.9); biases and norms are not decayed."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    common = dict(lr=train.learning_rate, weight_decay=train.weight_decay, fused=True)
    if train.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=0.9, nesterov=True, **common)
    optimizer = torch.optim.Adam if train.optimizer == "adam" else torch.optim.AdamW
    return optimizer(groups, **common)


def make_source(spec: VGGSpec, train: TrainConfig, device: torch.device):
    """The run's batches and validation. Raises ValueError where data and network do not fit."""
    if spec.in_channels != 1 or spec.num_classes != 10:
        raise ValueError(
            f"training needs in_channels 1 and num_classes 10, "
            f"not {spec.in_channels} and {spec.num_classes}: the garments are grey, in ten classes"
        )
    if train.dataset == "wild":
        from vggcore.wild import WildSource

        return WildSource(spec, train, device)
    return data.ImageSource(spec, train, device)


@torch.no_grad()
def update_average(average: VGG, network: VGG, decay: float, step: int) -> None:
    """Move the averaged weights towards the network's; quicker in the first steps."""
    decay = min(decay, (step + 1) / (step + 10))
    ours, theirs = list(average.parameters()), list(network.parameters())
    torch._foreach_lerp_(ours, theirs, 1 - decay)
    for mine, latest in zip(average.buffers(), network.buffers(), strict=True):
        mine.copy_(latest) if not mine.is_floating_point() else mine.lerp_(latest, 1 - decay)


def fit(
    folder: RunFolder,
    *,
    device: str | None = None,
    on_step: Callable[[dict], None] | None = None,
) -> dict:
    """Train the run in `folder` from its config, or go on from its last checkpoint.

    Returns the summary: run_dir, best_val_accuracy, test_accuracy, epochs, seconds, state
    ("finished" or "stopped"). `device` is the one the queue granted, or the config's.
    `on_step` receives the status about once a second.
    Raises ValueError (a config, data set or device that cannot be used), CheckpointError (a
    folder that cannot be written), TrainingFailed (loss not finite, out of memory).
    """
    spec, train = folder.spec, folder.train
    device = devices.resolve(device or train.device)
    folder.write_status("starting", device=str(device), message="loading data")
    if train.deterministic:
        torch.use_deterministic_algorithms(True)
    source = make_source(spec, train, device)
    total_steps = train.epochs * source.steps_per_epoch
    network, notes = start_network(spec, train)
    network = network.to(device, memory_format=torch.channels_last)
    average = build(spec).to(device) if train.ema else None
    if average is not None:
        average.load_state_dict(network.state_dict())
    optimizer = make_optimizer(train, network)
    progress = Progress()
    state = ResumeState(network=network, average=average, optimizer=optimizer)
    resumed = load_last(folder, state)
    if resumed is not None:
        progress = Progress(**resumed)
    folder.truncate_metrics(progress.metrics_bytes)
    for note in notes if resumed is None else ():
        folder.append_event(progress.step, progress.seconds, note)
    loop = _Loop(folder, source, network, average, optimizer, state, progress, total_steps, device)
    loop.on_step = on_step
    with _stop_on_signals(folder):
        return loop.run()


def start_network(spec: VGGSpec, train: TrainConfig) -> tuple[VGG, list[str]]:
    """A fresh network, started from `train.init_from` where that is set; notes on what it took."""
    network = build(spec, init=train.init, seed=train.seed)
    if not train.init_from:
        return network, []
    from vggcore.pretraining import copy_weights

    copied = copy_weights(checkpoints.load(train.init_from).network, network, train.init_layers)
    return network, [f"started from {train.init_from}: copied {', '.join(copied) or 'nothing'}"]


class _stop_on_signals:
    """SIGTERM and Ctrl-C ask the run to save and stop, as its stop file does."""

    def __init__(self, folder: RunFolder):
        self.folder = folder

    def __enter__(self):
        try:
            self.before = {
                number: signal.signal(number, lambda *_: self.folder.request_stop())
                for number in (signal.SIGTERM, signal.SIGINT)
            }
        except ValueError:  # not in the main thread (tests): the stop file still works
            self.before = {}

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)


@dataclass
class _Loop:
    """The inner loop and what it keeps between steps."""

    folder: RunFolder
    source: "data.ImageSource"
    network: VGG
    average: VGG | None
    optimizer: torch.optim.Optimizer
    state: ResumeState
    progress: Progress
    total_steps: int
    device: torch.device
    on_step: Callable[[dict], None] | None = None

    def __post_init__(self):
        self.train = self.folder.train
        self.steps_per_epoch = self.source.steps_per_epoch
        self.log_every = max(1, self.steps_per_epoch // LOGS_PER_EPOCH)
        self.started = time.monotonic() - self.progress.seconds
        self.last_save = self.last_status = self.last_stop_check = time.monotonic()
        self.window_started = time.monotonic()
        self.speed = 0.0
        # Sums stay on the device; reading them is what makes a GPU wait, so only logging does.
        self.sums = torch.zeros(2, dtype=torch.float64, device=self.device)
        if self.device.type == "mps":  # has no float64
            self.sums = self.sums.float()
        self.pending = 0

    def run(self) -> dict:
        self.network.train()
        while self.progress.step < self.total_steps:
            if self._should_stop():
                return self._stop()
            self._step()
            step = self.progress.step
            if step % self.log_every == 0 or step % self.steps_per_epoch == 0:
                self._log()
            if step % self.steps_per_epoch == 0:
                self._end_epoch()
            elif time.monotonic() - self.last_save >= self.train.checkpoint_seconds > 0:
                self._save_last()
            self._report()
        return self._finish()

    def _step(self) -> None:
        step = self.progress.step
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.train, step, self.total_steps)
        # Dropout draws from the global generator: seeded by the step, a resumed run drops the same.
        torch.manual_seed(self.train.seed * 1_000_003 + step)
        inputs, targets = self.source.batch(step)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        bf16 = self.train.precision == "bf16"
        try:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
                logits = self.network(inputs)
            loss = self.source.loss(logits.float(), targets)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
        except torch.OutOfMemoryError:
            raise TrainingFailed(
                f"out of memory at step {step} with batch size {len(inputs)}: "
                f"try --batch-size {max(1, len(inputs) // 2)}"
            ) from None
        if self.average is not None:
            update_average(self.average, self.network, self.train.ema, step)
        with torch.no_grad():
            correct = self.source.correct(logits, targets)
            self.sums += torch.stack([loss.detach() * len(inputs), correct]).to(self.sums.dtype)
        self.pending += len(inputs)
        self.progress.step += 1

    def _collect(self) -> None:
        """Read the sums off the device (a sync point) into the progress."""
        loss, correct = self.sums.tolist()
        if loss != loss or loss in (float("inf"), float("-inf")):
            raise TrainingFailed(
                f"the loss is no longer a finite number at step {self.progress.step}: "
                "try a lower learning rate; the last good checkpoint is kept"
            )
        for sums in (self.progress.window, self.progress.epoch):
            for index, value in enumerate((loss, correct, self.pending)):
                sums[index] += value
        self.sums.zero_()
        self.pending = 0
        self.progress.seconds = time.monotonic() - self.started

    def _log(self) -> None:
        self._collect()
        loss, correct, images = self.progress.window
        now = time.monotonic()
        self.speed = images / max(1e-9, now - self.window_started)
        step = self.progress.step
        self.folder.append_metrics(
            {
                "kind": "step", "step": step, "epoch": step / self.steps_per_epoch,
                "seconds": self.progress.seconds, "train_loss": loss / images,
                "train_accuracy": correct / images,
                "learning_rate": learning_rate(self.train, step - 1, self.total_steps),
                "images_per_second": self.speed,
                "memory_bytes": devices.memory_bytes(self.device),
            }
        )  # fmt: skip
        self.progress.window = [0.0, 0.0, 0.0]
        self.window_started = now

    def _end_epoch(self) -> None:
        evaluated = self.average if self.average is not None else self.network
        scores = self.source.validate(evaluated)
        self.progress.seconds = time.monotonic() - self.started
        epoch = self.progress.step // self.steps_per_epoch
        loss, correct, images = self.progress.epoch
        self.folder.append_metrics(
            {
                "kind": "epoch", "epoch": epoch, "step": self.progress.step,
                "seconds": self.progress.seconds, "train_loss": loss / images,
                "train_accuracy": correct / images, "val_loss": scores["loss"],
                "val_accuracy": scores["accuracy"], "confusion": scores["confusion"],
            }
        )  # fmt: skip
        self.progress.epoch = [0.0, 0.0, 0.0]
        if scores["accuracy"] > self.progress.best_val_accuracy:
            self.progress.best_val_accuracy, self.progress.best_epoch = scores["accuracy"], epoch
            checkpoints.save(self.folder.path / "best", evaluated, self._card())
        # After the best checkpoint: a kill in between replays this epoch's end, and loses nothing.
        self._save_last()
        self.window_started = time.monotonic()

    def _save_last(self) -> None:
        if self.pending:
            self._collect()
        self.progress.metrics_bytes = self.folder.metrics_bytes()
        save_last(self.folder, self.state, asdict(self.progress))
        self.last_save = time.monotonic()

    def _should_stop(self) -> bool:
        now = time.monotonic()
        if self.train.max_minutes and now - self.started > self.train.max_minutes * 60:
            return True
        if now - self.last_stop_check < STOP_CHECK_SECONDS:
            return False
        self.last_stop_check = now
        return self.folder.stop_requested()

    def _report(self, state: str = "running") -> None:
        now = time.monotonic()
        if now - self.last_status < STATUS_SECONDS and state == "running":
            return
        self.last_status = now
        status = self.folder.write_status(
            state,
            step=self.progress.step, total_steps=self.total_steps,
            epoch=self.progress.step // self.steps_per_epoch, epochs=self.train.epochs,
            seconds=now - self.started, images_per_second=self.speed,
            device=str(self.device), message="",
        )  # fmt: skip
        if self.on_step:
            self.on_step(status)

    def _stop(self) -> dict:
        self._report("stopping")
        self._save_last()
        return self._end("stopped", test_accuracy=None)

    def _finish(self) -> dict:
        """Test the best epoch's weights, once, and complete their card."""
        best = checkpoints.load(self.folder.path / "best")
        scores = self.source.test(best.network.to(self.device))
        self.progress.seconds = time.monotonic() - self.started
        card = self._card() | {"test_accuracy": scores["accuracy"]}
        checkpoints.save(self.folder.path / "best", best.network, best.card | card)
        return self._end("finished", test_accuracy=scores["accuracy"])

    def _end(self, state: str, *, test_accuracy: float | None) -> dict:
        best = self.progress.best_val_accuracy
        summary = {
            "run_dir": str(self.folder.path),
            "state": state,
            "best_val_accuracy": best if best >= 0 else None,
            "test_accuracy": test_accuracy,
            "epochs": self.progress.step // self.steps_per_epoch,
            "seconds": self.progress.seconds,
        }
        self.folder.clear_stop()
        self._report(state)
        self.folder.write_status(state, summary=summary)
        return summary

    def _card(self) -> dict:
        spec = self.network.spec
        return self.folder.card() | {
            "train": self.train.to_dict(),
            "preprocessing": self.source.preprocessing,
            "data": self.source.describe(),
            "seed": self.train.seed,
            "val_accuracy": self.progress.best_val_accuracy,
            "best_epoch": self.progress.best_epoch,
            "test_accuracy": None,
            "epochs": self.progress.step // self.steps_per_epoch,
            "steps": self.progress.step,
            "seconds": round(self.progress.seconds, 1),
            "device": str(self.device),
            "machine": devices.describe(self.device),
            "torch": torch.__version__,
            "temperature": 1.0,
            "unsure": None,
            "parameters": sum(p.numel() for p in self.network.parameters()),
            "network": spec.name,
        }
