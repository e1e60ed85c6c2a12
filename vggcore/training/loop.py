"""Training: one loop, exact resume, clear failure.

A run is a folder (see `run_folder`). What a step does depends only on the seed and the step's
number: batches, augmentation and dropout draw from generators seeded with them. So a run that was
killed goes on from its last checkpoint with exactly the numbers it would have had. (On a CPU the
number of threads also decides how sums are rounded; a run that goes on with another says so.)
"""

import logging
import math
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace

import torch
from torch import Tensor, nn

import vggcore
from vggcore.data.classes import CLASSES
from vggcore.machine import devices, distributed, precision
from vggcore.model import checkpoints, recipe
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import Card
from vggcore.model.network import VGG, build
from vggcore.model.recipe import TrainConfig
from vggcore.runs.folder import RunFolder, now
from vggcore.training.fashion_source import ImageSource
from vggcore.training.muon import Muon
from vggcore.training.resume import ResumeState, load_last, save_last

log = logging.getLogger(__name__)

LOGS_PER_EPOCH = 20
STOP_CHECK_SECONDS = 0.25
STATUS_SECONDS = 1.0
STEPS_BETWEEN_AGREEMENTS = 10  # with several processes, which stop and save at the same step
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
    threads: int = 0  # CPU threads of the session that saved this
    precision: str = ""  # that session's
    scaler: dict = field(default_factory=dict)  # of float16's losses: its state; else empty


def learning_rate(train: TrainConfig, step: int, total_steps: int) -> float:
    """Learning rate of a step: constant, or linear up and linear down to zero (one cycle)."""
    if train.schedule == "constant":
        return train.learning_rate
    warm_up = max(1, round(WARM_UP * total_steps))
    if step < warm_up:
        return train.learning_rate * (step + 1) / warm_up
    return train.learning_rate * (total_steps - step) / max(1, total_steps - warm_up)


def make_optimizer(train: TrainConfig, network: nn.Module) -> torch.optim.Optimizer:
    """Adam, AdamW, SGD (Nesterov, momentum 0.9) or Muon; biases and norms are not decayed."""
    convolutions = []
    if train.optimizer == "muon":
        # Not the first one, whose filters are few and see one channel.
        convolutions = [m.weight for m in network.modules() if isinstance(m, nn.Conv2d)][1:]
    own = {id(weight) for weight in convolutions}
    decayed = [p for p in network.parameters() if p.ndim > 1 and id(p) not in own]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    if convolutions:
        return Muon(convolutions, groups, lr=train.learning_rate, weight_decay=train.weight_decay)
    common = dict(lr=train.learning_rate, weight_decay=train.weight_decay, fused=True)
    if train.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=0.9, nesterov=True, **common)
    optimizer = torch.optim.Adam if train.optimizer == "adam" else torch.optim.AdamW
    return optimizer(groups, **common)


def make_source(spec: VGGSpec, train: TrainConfig, device: torch.device):
    """The run's batches and validation."""
    if train.dataset == "wild":
        from vggcore.wild.source import WildSource

        return WildSource(spec, train, device)
    return ImageSource(spec, train, device)


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
    Raises ValueError (a config, data set or device that cannot be used), FileError (a folder
    that cannot be written), TrainingFailed (loss not finite, out of memory).
    """
    train = folder.train
    device = distributed.own_device(devices.resolve(device or train.device))
    if distributed.is_main():
        folder.write_status("starting", device=str(device), message="loading data")
    torch.backends.cudnn.benchmark = not train.deterministic  # all batches have one shape
    if train.deterministic:
        _make_deterministic()
    try:
        loop = _prepare(folder, device)
        loop.on_step = on_step
        with _stop_on_signals(folder):
            return loop.run()
    except TrainingFailed:
        raise
    except (RuntimeError, MemoryError) as error:
        if not devices.is_out_of_memory(error):
            raise
        raise TrainingFailed(
            f"out of memory on {device} outside of a training step; the checkpoints are kept: "
            "free memory, or choose a smaller width or image size"
        ) from None


def _prepare(folder: RunFolder, device: torch.device) -> "_Loop":
    """The loop, ready to run: at the start, or where the last checkpoint left it."""
    spec, train = folder.spec, folder.train
    recipe.check(spec, train)
    source = make_source(spec, train, device)
    if source.batch_size < distributed.world_size():
        raise ValueError(
            f"a batch of {source.batch_size} cannot be shared by {distributed.world_size()} "
            "processes: choose a larger batch size, or fewer processes"
        )
    network = build(spec, init=train.init, seed=train.seed)
    network = network.to(device, memory_format=torch.channels_last)
    average = build(spec).to(device) if train.ema else None
    optimizer = make_optimizer(train, network)
    state = ResumeState(network=network, average=average, optimizer=optimizer)
    resumed = load_last(folder, state)
    # A run that goes on no longer needs the checkpoint that it once started from.
    notes = start_from(network, train) if resumed is None else []
    if resumed is None and average is not None:
        average.load_state_dict(network.state_dict())
    progress = Progress(**resumed) if resumed is not None else Progress()
    used = precision.resolve(train.precision, device)
    if distributed.is_main():
        folder.truncate_metrics(progress.metrics_bytes)
        for note in notes if resumed is None else _resume_notes(progress, used):
            folder.append_event(progress.step, progress.seconds, note)
    if not checkpoints.is_whole(folder.path / "best"):
        # Killed between writing its weights and its card: the epoch that follows makes it anew.
        progress.best_val_accuracy = -1.0
    progress.threads, progress.precision = torch.get_num_threads(), used
    return _Loop(folder, source, network, average, optimizer, state, progress, device)


def _resume_notes(progress: Progress, precision: str) -> list[str]:
    notes, threads = [], torch.get_num_threads()
    if progress.threads != threads:
        notes.append(
            f"went on with {threads} CPU threads instead of {progress.threads}: sums round anew"
        )
    if progress.precision not in ("", precision):  # "": saved before it was noted
        notes.append(f"went on with {precision} instead of {progress.precision}: sums round anew")
    return notes


def _make_deterministic() -> None:
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
    # Only a warning: a few CUDA kernels have no deterministic counterpart.
    torch.use_deterministic_algorithms(True, warn_only=True)


def start_from(network: VGG, train: TrainConfig) -> list[str]:
    """Copy into `network` what fits of the checkpoint `train.init_from`, if one is named.

    Returns notes on what was copied. Raises ValueError, CheckpointError.
    """
    if not train.init_from:
        return []
    from vggcore.model.pretraining import copy_weights

    copied = copy_weights(checkpoints.load(train.init_from).network, network, train.init_layers)
    if not copied:
        raise ValueError(
            f"nothing of {train.init_from} fits {network.spec.name}: choose another init_from"
        )
    return [f"started from {train.init_from}: copied {', '.join(copied)}"]


class _stop_on_signals:
    """SIGTERM and Ctrl-C ask the run to save and stop, as its stop file does."""

    def __init__(self, folder: RunFolder):
        self.folder = folder

    def __enter__(self):
        try:
            self.before = {
                number: signal.signal(number, self._request_stop)
                for number in (signal.SIGTERM, signal.SIGINT)
            }
        except ValueError:  # not in the main thread (tests): the stop file still works
            self.before = {}

    def _request_stop(self, *_):
        with suppress(OSError):  # the folder is gone: the next save will say so
            self.folder.request_stop()

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)


@dataclass
class _Loop:
    """The inner loop and what it keeps between steps."""

    folder: RunFolder
    source: ImageSource
    network: VGG
    average: VGG | None
    optimizer: torch.optim.Optimizer
    state: ResumeState
    progress: Progress
    device: torch.device
    on_step: Callable[[dict], None] | None = None

    def __post_init__(self):
        self.train = self.folder.train
        self.steps_per_epoch = self.source.steps_per_epoch
        self.total_steps = self.train.epochs * self.steps_per_epoch
        self.model = distributed.wrap(self.network, self.device)
        self.log_every = max(1, self.steps_per_epoch // LOGS_PER_EPOCH)
        self.started = time.monotonic() - self.progress.seconds
        self.last_save = self.last_status = self.last_stop_check = time.monotonic()
        self.session_started = self.window_started = time.monotonic()
        self.images_before = self.progress.window[2]  # of the first window, in an earlier session
        self.speed = 0.0
        # Sums stay on the device; reading them is what makes a GPU wait, so only logging does.
        self.sums = torch.zeros(2, dtype=torch.float64, device=self.device)
        if self.device.type == "mps":  # has no float64
            self.sums = self.sums.float()
        self.pending = 0
        # Float16's small gradients would become 0: the loss is scaled up, and they down again.
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=self.progress.precision == "fp16"
        )
        if self.progress.scaler:
            self.scaler.load_state_dict(self.progress.scaler)

    def run(self) -> dict:
        self.network.train()
        while self.progress.step < self.total_steps:
            stop, save = self._what_is_due()
            if stop:
                return self._stop()
            if save:
                self._save_last()
            self._step()
            step = self.progress.step
            if step % self.log_every == 0 or step % self.steps_per_epoch == 0:
                self._log()
            if step % self.steps_per_epoch == 0:
                self._end_epoch()
            self._report()
        return self._finish()

    def _step(self) -> None:
        step = self.progress.step
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.train, step, self.total_steps)
        # Dropout draws from the global generator: seeded by the step, a resumed run drops the same.
        torch.manual_seed(self.train.seed * 1_000_003 + step + (distributed.rank() << 40))
        inputs, targets = self.source.batch(step)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        outcome = self._update(inputs, targets)
        if outcome is None:
            raise TrainingFailed(self._out_of_memory(inputs, targets))
        logits, loss = outcome
        if self.average is not None:
            update_average(self.average, self.network, self.train.ema, step)
        with torch.no_grad():
            correct = self.source.correct(logits, targets)
            self.sums += torch.stack([loss.detach() * len(inputs), correct]).to(self.sums.dtype)
        self.pending += len(inputs) * distributed.world_size()
        self.progress.step += 1

    def _update(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor] | None:
        """Logits and loss, after the optimizer's step; None where the memory does not suffice.

        None rather than an exception: that would keep alive what the attempt had computed, and
        a smaller batch could then not be tried.
        """
        try:
            outcome = self._forward_backward(inputs, targets)
            self.scaler.step(self.optimizer)
            self.scaler.update()
        except (RuntimeError, MemoryError) as error:
            if not devices.is_out_of_memory(error):
                raise
            return None
        return outcome

    def _forward_backward(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and loss; gradients are left in the parameters."""
        with precision.autocast(self.progress.precision, self.device):
            logits = self.model(inputs)
        loss = self.source.loss(logits.float(), targets)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        return logits, loss

    def _out_of_memory(self, inputs: Tensor, targets: Tensor) -> str:
        """What to do about it: the largest halving of the batch that was tried and fits.

        The tries change weights, which nobody saves any more.
        """
        total = size = len(inputs) * distributed.world_size()
        message = f"out of memory at step {self.progress.step} with batch size {total}"
        while distributed.world_size() == 1 and size > 1:
            size //= 2
            self.optimizer.zero_grad(set_to_none=True)
            devices.free_cached_memory(self.device)
            if self._update(inputs[:size], targets[:size]) is not None:
                return f"{message}: {size} fits, start again with --batch-size {size}"
        if size > 1:
            return f"{message}: try --batch-size {size // 2}"
        return f"{message}, and a single image does not fit: choose a smaller width or image size"

    def _collect(self) -> None:
        """Read the sums off the device (a sync point) into the progress."""
        loss, correct = distributed.sum_over_processes(self.sums).tolist()
        if not math.isfinite(loss):
            raise self._not_finite("the loss")
        for sums in (self.progress.window, self.progress.epoch):
            for index, value in enumerate((loss, correct, self.pending)):
                sums[index] += value
        self.sums.zero_()
        self.pending = 0
        self.progress.seconds = time.monotonic() - self.started

    def _check_weights(self) -> None:
        """Raises TrainingFailed before weights that are not numbers could replace good ones."""
        state = [t for t in self.network.state_dict().values() if t.is_floating_point()]
        largest = torch.stack(torch._foreach_norm(state, float("inf")))
        if not largest.isfinite().all():
            raise self._not_finite("a weight")

    def _not_finite(self, what: str) -> TrainingFailed:
        return TrainingFailed(
            f"{what} is no longer a finite number at step {self.progress.step}: "
            "try a lower learning rate; the last good checkpoint is kept"
        )

    def _log(self) -> None:
        self._collect()
        loss, correct, images = self.progress.window
        now = time.monotonic()
        self.speed = (images - self.images_before) / max(1e-9, now - self.window_started)
        step = self.progress.step
        self._append(
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
        self.images_before, self.window_started = 0.0, now

    def _end_epoch(self) -> None:
        self._check_weights()
        evaluated = self.average if self.average is not None else self.network
        distributed.share_buffers(evaluated)
        scores = self.source.validate(evaluated)
        self.progress.seconds = time.monotonic() - self.started
        epoch = self.progress.step // self.steps_per_epoch
        loss, correct, images = self.progress.epoch
        self._append(
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
            if distributed.is_main():
                checkpoints.save(self.folder.path / "best", evaluated, self._card())
        # After the best checkpoint: a kill in between replays this epoch's end, and loses nothing.
        self._save_last()
        self.window_started = time.monotonic()

    def _append(self, row: dict) -> None:
        if distributed.is_main():
            self.folder.append_metrics(row)

    def _save_last(self) -> None:
        if self.pending:
            self._collect()
        self._check_weights()
        if distributed.is_main():
            self.progress.metrics_bytes = self.folder.metrics_bytes()
            self.progress.scaler = self.scaler.state_dict()
            save_last(self.folder, self.state, asdict(self.progress))
        self.last_save = time.monotonic()

    def _what_is_due(self) -> tuple[bool, bool]:
        """Whether to stop, and whether to save, before the next step; all processes agree."""
        if distributed.world_size() > 1:
            if self.progress.step % STEPS_BETWEEN_AGREEMENTS:
                return False, False
            return distributed.from_main((self._should_stop(), self._should_save()))
        return self._should_stop(), self._should_save()

    def _should_save(self) -> bool:
        every = self.train.checkpoint_seconds
        return time.monotonic() - self.last_save >= every > 0

    def _should_stop(self) -> bool:
        now = time.monotonic()
        if self._time_is_up():
            return True
        if now - self.last_stop_check < STOP_CHECK_SECONDS:
            return False
        self.last_stop_check = now
        return self.folder.stop_requested()

    def _time_is_up(self) -> bool:
        limit = self.train.max_minutes * 60
        return 0 < limit < time.monotonic() - self.session_started

    def _report(self, state: str = "running", message: str = "") -> None:
        now = time.monotonic()
        too_soon = now - self.last_status < STATUS_SECONDS and state == "running"
        if too_soon or not distributed.is_main():
            return
        self.last_status = now
        status = self.folder.write_status(
            state,
            step=self.progress.step, total_steps=self.total_steps,
            epoch=self.progress.step // self.steps_per_epoch, epochs=self.train.epochs,
            seconds=now - self.started, images_per_second=self.speed,
            device=str(self.device), message=message,
        )  # fmt: skip
        if self.on_step:
            self.on_step(status)

    def _stop(self) -> dict:
        self._report("stopping")
        self._save_last()
        limit = f"stopped at its time limit of {self.train.max_minutes:g} min (max_minutes)"
        message = limit if self._time_is_up() else ""
        return self._end("stopped", test_accuracy=None, message=message)

    def _finish(self) -> dict:
        """Test the best epoch's weights, once, and complete their card."""
        distributed.from_main(None)  # wait until rank 0 has written them
        best = checkpoints.load(self.folder.path / "best")
        scores = self.source.test(best.network.to(self.device))
        self.progress.seconds = time.monotonic() - self.started
        if distributed.is_main():
            card = replace(
                self._card(), test_accuracy=scores["accuracy"],
                **self.source.calibrate(best.network),
            )  # fmt: skip
            checkpoints.save(self.folder.path / "best", best.network, card)
        return self._end("finished", test_accuracy=scores["accuracy"])

    def _end(self, state: str, *, test_accuracy: float | None, message: str = "") -> dict:
        best = self.progress.best_val_accuracy
        summary = {
            "run_dir": str(self.folder.path),
            "state": state,
            "best_val_accuracy": best if best >= 0 else None,
            "test_accuracy": test_accuracy,
            "epochs": self.progress.step // self.steps_per_epoch,
            "seconds": self.progress.seconds,
        }
        if distributed.is_main():
            self.folder.clear_stop()
            self._report(state, message)
            self.folder.write_status(state, summary=summary)
        return summary

    def _card(self) -> Card:
        config, spec = self.folder.config, self.network.spec
        return Card(
            spec=spec, preprocessing=self.source.preprocessing, classes=CLASSES,
            name=config["name"], preset=config.get("preset"), created=now(),
            code_version=vggcore.__version__,
            train=self.train.to_dict(), data=self.source.describe(), seed=self.train.seed,
            val_accuracy=self.progress.best_val_accuracy, best_epoch=self.progress.best_epoch,
            epochs=self.progress.step // self.steps_per_epoch, steps=self.progress.step,
            seconds=round(self.progress.seconds, 1), device=str(self.device),
            precision=self.progress.precision, machine=devices.describe(self.device),
            processes=distributed.world_size(), torch=torch.__version__,
            parameters=sum(p.numel() for p in self.network.parameters()), network=spec.name,
        )  # fmt: skip
