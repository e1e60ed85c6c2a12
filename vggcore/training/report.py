"""What a run reports: rows of metrics, its status, its checkpoint's card, its summary."""

import time
from collections.abc import Callable
from contextlib import suppress

import torch

import vggcore
from vggcore.answers.samples import Samples
from vggcore.machine import devices, distributed, gpus
from vggcore.model.card import Card
from vggcore.model.network import VGG
from vggcore.pictures.preprocessing import Preprocessing
from vggcore.runs import metrics
from vggcore.runs.folder import RunFolder, now
from vggcore.runs.status import Status
from vggcore.training.data import TrainingData
from vggcore.training.optimizer import learning_rate
from vggcore.training.progress import Progress

STATUS_SECONDS = 1.0
MOST_CLASSES = 100  # the most for which each epoch keeps its confusion: it grows with their square


class Reporter:
    """Writes for a run's main process; the others only keep time."""

    def __init__(
        self, folder: RunFolder, progress: Progress, steps_per_epoch: int, device: torch.device
    ):
        self.folder, self.progress, self.device = folder, progress, device
        self.train, self.steps_per_epoch = folder.train, steps_per_epoch
        self.total_steps = self.train.epochs * steps_per_epoch
        self.on_step: Callable[[Status], None] | None = None
        self.last_status = self.window_started = time.monotonic()
        self.started = self.window_started - progress.seconds
        self.images_before = progress.window[2]  # of the first window, from an earlier session
        self.speed = 0.0

    def keep_time(self) -> None:
        """Bring the progress's training time up to now."""
        self.progress.seconds = time.monotonic() - self.started

    def start_window(self) -> None:
        """Measure speed from here: the time in between was not spent on training."""
        self.window_started = time.monotonic()

    def steps(self) -> float:
        """Write a row on the steps since the last one; returns their mean loss."""
        loss, correct, images = self.progress.window
        at, step = time.monotonic(), self.progress.step
        self.speed = (images - self.images_before) / max(1e-9, at - self.window_started)
        row = {
            "kind": "step",
            "step": step,
            "epoch": step / self.steps_per_epoch,
            "seconds": self.progress.seconds,
            "train_loss": loss / images,
            "train_accuracy": correct / images,
            "learning_rate": learning_rate(self.train, step - 1, self.total_steps),
            "images_per_second": self.speed,
            "memory_bytes": devices.memory_bytes(self.device),
        }
        if distributed.is_main() and (gpu := gpus.gpu(str(self.device))):
            row |= {"gpu_busy": gpu.busy, "gpu_memory_bytes": gpu.total - gpu.free}
        self._append(row)
        self.progress.window = [0.0, 0.0, 0.0]
        self.images_before, self.window_started = 0.0, at
        return loss / images

    def diagnostics(self, values: dict) -> None:
        """Write a row on why the network may not be learning; see `training.diagnostics`."""
        self._append({"kind": "evidence", "step": self.progress.step} | values)

    def epoch(
        self, scores: dict, samples: Samples, network: VGG, preprocessing: Preprocessing
    ) -> None:
        """Write a row on the ended epoch: validation scores, and answers on some pictures."""
        loss, correct, images = self.progress.epoch
        row = {
            "kind": "epoch",
            "epoch": self.progress.step // self.steps_per_epoch,
            "step": self.progress.step,
            "seconds": self.progress.seconds,
            "train_loss": loss / images,
            "train_accuracy": correct / images,
            "val_loss": scores["loss"],
            "val_accuracy": scores["accuracy"],
        }
        if "top5" in scores:
            row["val_top5"] = scores["top5"]
        if len(scores["confusion"]) <= MOST_CLASSES:
            row["confusion"] = scores["confusion"]
        if distributed.is_main():
            row[metrics.SAMPLES] = samples.answers(network, preprocessing)
            strip = self.folder.path / metrics.SAMPLES_FILE
            if not strip.exists():
                with suppress(OSError):  # only for looking at: the row says all that matters
                    samples.strip().save(strip)
        self._append(row)
        self.progress.epoch = [0.0, 0.0, 0.0]

    def status(self, state: str = "running", message: str = "") -> None:
        """Write the status and call `on_step`, about once a second while the run goes on."""
        at = time.monotonic()
        too_soon = at - self.last_status < STATUS_SECONDS and state == "running"
        if too_soon or not distributed.is_main():
            return
        self.last_status = at
        written = self.folder.write_status(
            state,
            step=self.progress.step,
            total_steps=self.total_steps,
            epoch=self.progress.step // self.steps_per_epoch,
            epochs=self.train.epochs,
            seconds=at - self.started,
            images_per_second=self.speed,
            device=str(self.device),
            message=message,
        )
        if self.on_step:
            self.on_step(written)

    def end(self, state: str, *, test_accuracy: float | None = None, message: str = "") -> dict:
        """Write the last status, with the summary, which is returned."""
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
            self.status(state, message)
            self.folder.write_status(state, summary=summary)
            # Last: a reader between the two would think that the run was still going.
            self.folder.clear_stop()
        return summary

    def card(self, data: TrainingData, network: VGG) -> Card:
        """The card of a checkpoint of this run."""
        config, spec = self.folder.config, network.spec
        return Card(
            spec=spec,
            preprocessing=data.preprocessing,
            classes=data.classes,
            name=config["name"],
            preset=config.get("preset"),
            created=now(),
            code_version=vggcore.__version__,
            train=self.train.to_dict(),
            data=data.describe(),
            seed=self.train.seed,
            val_accuracy=self.progress.best_val_accuracy,
            best_epoch=self.progress.best_epoch,
            epochs=self.progress.step // self.steps_per_epoch,
            steps=self.progress.step,
            seconds=round(self.progress.seconds, 1),
            device=str(self.device),
            precision=self.progress.precision,
            machine=devices.describe(self.device),
            processes=distributed.world_size(),
            torch=torch.__version__,
            parameters=sum(p.numel() for p in network.parameters()),
            network=spec.name,
        )

    def _append(self, row: dict) -> None:
        if distributed.is_main():
            self.folder.append_metrics(row)
