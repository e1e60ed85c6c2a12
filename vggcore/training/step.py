"""One training step: learning rate, batch, forward and backward pass, update."""

import torch
from torch import Tensor

from vggcore.machine import devices, distributed, precision
from vggcore.machine.messages import Message
from vggcore.runs.folder import RunFolder
from vggcore.training import out_of_memory
from vggcore.training.data import TrainingData
from vggcore.training.optimizer import learning_rate, update_average
from vggcore.training.progress import Progress, RunningMetrics, TrainingFailed
from vggcore.training.resume import ResumeState
from vggcore.training.step_graphs import CudaGraph, StepGraphs


class Step:
    """What one step after the other changes: the network, its average, the optimizer's state."""

    def __init__(
        self,
        folder: RunFolder,
        data: TrainingData,
        state: ResumeState,
        progress: Progress,
        device: torch.device,
    ):
        self.folder, self.data, self.progress, self.device = folder, data, progress, device
        self.network, self.average, self.optimizer = state.network, state.average, state.optimizer
        self.train = folder.train
        self.total_steps = self.train.epochs * data.steps_per_epoch
        self.model = distributed.wrap(self.network, device)
        self.metrics = RunningMetrics(device)
        self.inputs = torch.empty(0)  # of the latest step
        # Float16's small gradients would become 0: scale the loss up, and the gradients back down.
        self.scaler = torch.amp.GradScaler(device.type, enabled=progress.precision == "fp16")
        if progress.scaler:
            self.scaler.load_state_dict(progress.scaler)
        self._graphs = self._make_graphs()

    def take(self) -> None:
        """Learn from the next batch. Raises TrainingFailed if it does not fit into memory."""
        step = self.progress.step
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.train, step, self.total_steps)
        self._freeze()
        # Dropout uses the global generator: seeded by step, so that a resumed run drops the same.
        torch.manual_seed(self.train.seed * 1_000_003 + step + (distributed.rank() << 40))
        inputs, targets = self.data.batch(step)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        outcome = self._update(inputs, targets)
        if outcome is None:

            def fits(some: Tensor, theirs: Tensor) -> bool:
                self.optimizer.zero_grad(set_to_none=True)
                devices.free_cached_memory(self.device)
                return self._update(some, theirs) is not None

            raise TrainingFailed(out_of_memory.advice(step, inputs, targets, fits))
        self.inputs = inputs
        logits, loss = outcome
        if self.average is not None:
            update_average(self.average, self.network, self.train.ema, step)
        self.metrics.add(loss, self.data.correct(logits, targets), len(inputs))
        self.progress.step += 1

    @property
    def frozen(self) -> bool:
        return self.progress.step < self.train.freeze_epochs * self.data.steps_per_epoch

    def _freeze(self) -> None:
        """Keep convolutions and their batch norm fixed while the classifier learns alone."""
        if self.train.freeze_epochs:
            for block in self.network.feature_blocks():
                block.requires_grad_(not self.frozen).train(not self.frozen)

    def _update(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor] | None:
        """Logits and loss, after the optimizer's step; None if there is not enough memory.

        None rather than an exception, which would keep alive what the attempt had computed, so that
        a smaller batch could not be tried.
        """
        try:
            logits, loss = self._forward_backward(inputs, targets)
            self.scaler.step(self.optimizer)
            self.scaler.update()
        except (RuntimeError, MemoryError) as error:
            if not devices.is_out_of_memory(error):
                raise
            return None
        return logits, loss

    def _forward_backward(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and loss; the gradients are in the network's parameters."""
        if self._graphs is not None:
            try:
                return self._graphs(inputs, targets)
            except RuntimeError as error:
                if devices.is_out_of_memory(error):
                    raise
                self._graphs = None
                self.folder.append_event(
                    self.progress.step,
                    self.progress.seconds,
                    Message(
                        "continues without CUDA graphs: {error}", error=str(error).splitlines()[0]
                    ),
                )
        self.optimizer.zero_grad(set_to_none=True)
        return self._launch(inputs, targets)

    def _launch(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        with precision.autocast(self.progress.precision, self.device):
            logits = self.model(inputs)
        loss = self.data.loss(logits.float(), targets)
        self.scaler.scale(loss).backward()
        return logits.detach(), loss.detach()

    def _make_graphs(self) -> StepGraphs | None:
        """Graphs of the step, if wanted and possible."""
        several = distributed.world_size() > 1
        if not self.train.cuda_graphs or several or self.train.freeze_epochs:
            return None
        if self.device.type != "cuda":
            return None
        return StepGraphs(self._launch, self.network, CudaGraph)
