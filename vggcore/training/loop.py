"""Training: one loop, exact resume, clear failure.

A run is a folder (see `runs.folder`). What a step does depends only on the seed and the step's
number: batches, augmentation and dropout draw from generators seeded with them. So a killed run
continues from its last checkpoint with exactly the numbers it would have had. (On a CPU the
number of threads also decides how sums are rounded; a run resumed with another number says so.)
"""

import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property

import torch

from vggcore.answers.samples import Samples
from vggcore.data.classes import CLASSES
from vggcore.machine import devices, distributed, precision
from vggcore.machine.files import read_json, write_json
from vggcore.machine.messages import Message
from vggcore.model import checkpoints, recipe_checks
from vggcore.model.network import VGG, build
from vggcore.model.recipe import TrainConfig
from vggcore.runs.folder import RunFolder
from vggcore.runs.names import BEST, PICTURES
from vggcore.runs.status import Status
from vggcore.training import diagnostics
from vggcore.training.data import TrainingData, make_training_data
from vggcore.training.interruptions import Interruptions, stop_on_signals
from vggcore.training.optimizer import make_optimizer
from vggcore.training.progress import Progress, TrainingFailed
from vggcore.training.report import STATUS_SECONDS, Reporter
from vggcore.training.resume import ResumeState, load_last, save_last
from vggcore.training.step import Step

LOGS_PER_EPOCH = 20
_GUESSING = 0.97  # of the loss of guessing: above it, we look into why it does not learn


def fit(
    folder: RunFolder,
    *,
    device: str | None = None,
    on_step: Callable[[Status], None] | None = None,
) -> dict:
    """Train the run in `folder` from its config, or resume it from its last checkpoint.

    Returns the summary: run_dir, best_val_accuracy, test_accuracy, epochs, seconds, state
    ("finished" or "stopped"). `device` is the one the queue granted, or the config's.
    `on_step` receives the status about once a second.
    Raises ValueError (a config, data set or device that cannot be used), FileError (a folder
    that cannot be written), TrainingFailed (loss not finite, out of memory).
    """
    train = folder.train
    chosen = distributed.own_device(devices.resolve(device or train.device))
    if distributed.is_main():
        folder.write_status("starting", device=str(chosen), message=Message("loading data"))
    torch.backends.cudnn.benchmark = not train.deterministic  # all batches have one shape
    if train.deterministic:
        _make_deterministic()
    try:
        loop = _prepare(folder, chosen)
        loop.report.on_step = on_step
        with stop_on_signals(folder):
            return loop.run()
    except TrainingFailed:
        raise
    except (RuntimeError, MemoryError) as error:
        if not devices.is_out_of_memory(error):
            raise
        raise TrainingFailed(
            Message(
                "out of memory on {chosen} outside of a training step; the checkpoints are "
                "kept: free memory, or choose a smaller width or image size",
                chosen=chosen,
            )
        ) from None


def _prepare(folder: RunFolder, device: torch.device) -> "Loop":
    """The loop, ready to run from the start, or from where the last checkpoint left off."""
    spec, train = folder.spec, folder.train
    recipe_checks.check(spec, train)
    data = make_training_data(spec, train, device, _telling(folder, device))
    if data.batch_size < distributed.world_size():
        raise ValueError(
            Message(
                "a batch of {batch_size} cannot be shared by {world_size} processes: "
                "choose a larger batch size, or fewer processes",
                batch_size=data.batch_size,
                world_size=distributed.world_size(),
            )
        )
    if train.freeze_epochs and distributed.world_size() > 1:
        raise ValueError(
            Message("freeze_epochs needs a single process: set it to 0, or use one GPU")
        )
    facts = data.pictures_facts()
    _check_own_pictures(folder, facts)
    network = build(spec, init=train.init, seed=train.seed).to(device)
    network = network.to(memory_format=torch.channels_last)
    average = build(spec).to(device) if train.ema else None
    optimizer = make_optimizer(train, network)
    state = ResumeState(network=network, average=average, optimizer=optimizer)
    resumed = load_last(folder, state)
    # A resumed run no longer needs the checkpoint that it once started from.
    notes = start_from(network, train, data.classes) if resumed is None else []
    if resumed is None and average is not None:
        average.load_state_dict(network.state_dict())
    progress = Progress.from_saved(resumed) if resumed is not None else Progress()
    if progress.best_score < 0:  # saved before epochs had their own score
        progress.best_score = progress.best_val_accuracy
    used = precision.resolve(train.precision, device)
    pictures = "" if facts is None else facts["sha256"]
    if distributed.is_main():
        folder.truncate_metrics(progress.metrics_bytes)
        for note in notes if resumed is None else _resume_notes(progress, used, pictures):
            folder.append_event(progress.step, progress.seconds, note)
    if not checkpoints.is_whole(folder.path / BEST):
        # Killed between writing its weights and its card: the next epoch writes it again.
        progress.best_val_accuracy = progress.best_score = -1.0
    progress.threads, progress.precision = torch.get_num_threads(), used
    progress.pictures = pictures
    return Loop(folder, data, state, progress, device)


def _check_own_pictures(folder: RunFolder, facts: dict | None) -> None:
    """Raises ValueError if a user's own pictures have changed since the run started."""
    if facts is None or not folder.train.pictures:
        return
    file = folder.path / PICTURES
    if (before := read_json(file)) is None:
        if distributed.is_main():
            write_json(file, facts)
    elif before.get("sha256") != facts["sha256"]:
        raise ValueError(
            Message(
                "the pictures in {pictures} have changed since this run began, so it "
                "cannot continue: start a new run",
                pictures=folder.train.pictures,
            )
        )


def _telling(folder: RunFolder, device: torch.device) -> Callable[[float], None]:
    """Updates the status while pictures are being prepared, at most once a second."""
    last = -math.inf

    def tell(share: float) -> None:
        nonlocal last
        if time.monotonic() - last >= STATUS_SECONDS and distributed.is_main():
            last = time.monotonic()
            message = Message("preparing the pictures: {share:.0%}", share=share)
            folder.write_status("starting", device=str(device), message=message)

    return tell


def _resume_notes(progress: Progress, used: str, pictures: str) -> list[str]:
    notes: list[str] = []
    threads = torch.get_num_threads()
    if progress.threads != threads:
        notes.append(
            Message(
                "resumed with {threads} CPU threads (was {before}): results may differ by rounding",
                threads=threads,
                before=progress.threads,
            )
        )
    if progress.precision not in ("", used):  # "": saved before it was recorded
        notes.append(
            Message(
                "resumed in {used} (was {before}): results may differ by rounding",
                used=used,
                before=progress.precision,
            )
        )
    if progress.pictures not in ("", pictures):
        notes.append(
            Message("resumed with pictures that this version draws, mixes or prepares differently")
        )
    return notes


def _make_deterministic() -> None:
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
    # Only a warning: a few CUDA kernels have no deterministic counterpart.
    torch.use_deterministic_algorithms(True, warn_only=True)


def start_from(network: VGG, train: TrainConfig, classes: tuple[str, ...] = CLASSES) -> list[str]:
    """Copy into `network` whatever fits from the checkpoint `train.init_from`, if one is named.

    classes: the network's classes; the last layer is not copied from a network with others.

    Returns notes on what was copied. Raises ValueError, CheckpointError.
    """
    if not train.init_from:
        return []
    from vggcore.model.pretraining import copy_weights

    start = checkpoints.load(train.init_from)
    copied = copy_weights(
        start.network, network, train.init_layers, same_classes=start.card.classes == classes
    )
    if not copied:
        raise ValueError(
            Message(
                "nothing of {init_from} fits {name}: choose another init_from",
                init_from=train.init_from,
                name=network.spec.name,
            )
        )
    layers = ", ".join(copied)
    return [Message("started from {name}: copied {layers}", name=train.init_from, layers=layers)]


def _is_logged(step: int, every: int) -> bool:
    """Every so many steps; at first also after 1, 2, 4 … of them, for the user who is watching."""
    return step % every == 0 or (step < every and step & (step - 1) == 0)


class Loop:
    """From step to step and epoch to epoch: when to log, validate, save, stop and finish."""

    def __init__(
        self,
        folder: RunFolder,
        data: TrainingData,
        state: ResumeState,
        progress: Progress,
        device: torch.device,
    ):
        self.folder, self.data, self.state, self.progress = folder, data, state, progress
        self.device, self.train = device, folder.train
        self.network, self.average = state.network, state.average
        self.steps_per_epoch = data.steps_per_epoch
        self.total_steps = self.train.epochs * self.steps_per_epoch
        self.log_every = max(1, self.steps_per_epoch // LOGS_PER_EPOCH)
        self.interruptions = Interruptions(folder, self.train)
        self.report = Reporter(folder, progress, data.steps_per_epoch, device)
        self.step = Step(folder, data, state, progress, device)

    def run(self) -> dict:
        self.network.train()
        while self.progress.step < self.total_steps and not self._out_of_patience:
            stop, save = self.interruptions.due(self.progress.step)
            if stop:
                return self._stop()
            if save:
                self._save()
            self.step.take()
            ended = self.progress.step % self.steps_per_epoch == 0
            if ended or _is_logged(self.progress.step, self.log_every):
                self._log()
            if ended:
                self._end_epoch()
            self.report.status()
        return self._finish()

    @property
    def _out_of_patience(self) -> bool:
        """At the end of an epoch: whether too many have passed without a better one.

        Depends on the progress alone, so that a run killed at that moment still ends.
        """
        epochs, inside = divmod(self.progress.step, self.steps_per_epoch)
        return 0 < self.train.patience <= epochs - self.progress.best_epoch and not inside

    def _log(self) -> None:
        self._collect()
        loss = self.report.steps()
        guessing = loss > _GUESSING * math.log(self.network.spec.num_classes)
        if guessing and not self.step.frozen and distributed.is_main():
            self.report.diagnostics(diagnostics.of(self.network, self.step.inputs))

    def _end_epoch(self) -> None:
        self._check_weights()
        evaluated = self.average if self.average is not None else self.network
        distributed.share_buffers(evaluated)
        scores = self.data.validate(evaluated)
        self.report.keep_time()
        self.report.epoch(scores, self._samples, evaluated, self.data.preprocessing)
        score = scores.get("score", scores["accuracy"])
        if score > self.progress.best_score:
            self.progress.best_score = score
            self.progress.best_val_accuracy = scores["accuracy"]
            self.progress.best_epoch = self.progress.step // self.steps_per_epoch
            if distributed.is_main():
                card = self.report.card(self.data, self.network)
                checkpoints.save(self.folder.path / BEST, evaluated, card)
        # After the best checkpoint, so that a kill in between only repeats this epoch's end.
        self._save()
        self.report.start_window()

    @cached_property
    def _samples(self) -> Samples:
        return self.data.samples()

    def _collect(self) -> None:
        self.step.metrics.collect(self.progress)
        self.report.keep_time()

    def _save(self) -> None:
        """Write the checkpoint that the run resumes from."""
        if self.step.metrics.pending:
            self._collect()
        self._check_weights()
        if distributed.is_main():
            self.progress.metrics_bytes = self.folder.metrics_bytes()
            self.progress.scaler = self.step.scaler.state_dict()
            save_last(self.folder, self.state, asdict(self.progress))
        self.interruptions.saved()

    def _check_weights(self) -> None:
        """Raises TrainingFailed before weights that are not finite can replace good ones."""
        state = [t for t in self.network.state_dict().values() if t.is_floating_point()]
        largest = torch.stack(torch._foreach_norm(state, float("inf")))
        if not largest.isfinite().all():
            raise self.progress.not_finite(Message("a weight"))

    def _stop(self) -> dict:
        self.report.status("stopping")
        self._save()
        limit = Message(
            "stopped at its time limit of {minutes:g} min (max_minutes)",
            minutes=self.train.max_minutes,
        )
        return self.report.end("stopped", message=limit if self.interruptions.time_is_up else "")

    def _finish(self) -> dict:
        """Test the best epoch's weights, once, and complete their card."""
        distributed.from_main(None)  # wait until rank 0 has written them
        best = checkpoints.load(self.folder.path / BEST)
        scores = self.data.test(best.network.to(self.device))
        self.report.keep_time()
        if distributed.is_main():
            honest = self.data.calibrate(best.network)
            made = self.report.card(self.data, self.network)
            card = replace(
                made,
                test_accuracy=scores["accuracy"],
                test_images=scores["n"],
                test_top5=scores.get("top5"),
                **honest,
            )
            checkpoints.save(self.folder.path / BEST, best.network, card)
        early, patience = self.progress.step < self.total_steps, self.train.patience
        message = Message(
            "ended early: {epochs} epochs in a row without a better validation accuracy (patience)",
            epochs=patience,
        )
        if patience == 1:
            message = Message(
                "ended early: 1 epoch without a better validation accuracy (patience)"
            )
        return self.report.end(
            "finished", test_accuracy=scores["accuracy"], message=message if early else ""
        )
