"""Forward and backward pass of a training step, launched together as a CUDA graph.

A small network's step launches some hundred kernels, and spends more time on launching them than
on computing. TrainingData: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

Compute = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
_WARM_UPS = 3  # before a capture: libraries choose their kernels and set up what they need


class Graph(Protocol):
    """Records launches, and launches them again."""

    def warm_up(self, launch: Callable[[], object]) -> None: ...

    def capture(self, launch: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]: ...

    def replay(self) -> None: ...


class CudaGraph:
    """A `Graph` made with PyTorch."""

    def __init__(self):
        self._graph = torch.cuda.CUDAGraph()

    def warm_up(self, launch: Callable[[], object]) -> None:
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            launch()
        torch.cuda.current_stream().wait_stream(aside)

    def capture(self, launch: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        with torch.cuda.graph(self._graph):
            return launch()

    def replay(self) -> None:
        self._graph.replay()


@dataclass
class _Captured:
    graph: Graph
    inputs: Tensor
    targets: Tensor
    outcome: tuple[Tensor, Tensor]
    gradients: list[Tensor | None]


class StepGraphs:
    """`compute` for one network, as one graph per batch shape, with bit-identical results.

    compute: (inputs, targets) → (logits, loss), after `loss.backward()`; it must not wait for the
    device. The returned tensors are valid until the next call.
    """

    def __init__(self, compute: Compute, network: nn.Module, new_graph: Callable[[], Graph]):
        self._compute, self._network, self._new_graph = compute, network, new_graph
        self._captured: dict[tuple, _Captured] = {}

    def __call__(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and loss of a batch; its gradients are in the network's parameters."""
        key = (inputs.shape, inputs.dtype, targets.shape, targets.dtype)
        if key not in self._captured:
            self._captured[key] = self._capture(inputs, targets)
        captured = self._captured[key]
        captured.inputs.copy_(inputs)
        captured.targets.copy_(targets)
        captured.graph.replay()
        for parameter, gradient in zip(self._network.parameters(), captured.gradients, strict=True):
            parameter.grad = gradient
        return captured.outcome

    def _capture(self, inputs: Tensor, targets: Tensor) -> _Captured:
        graph = self._new_graph()
        static = inputs.clone(), targets.clone()
        before = [buffer.clone() for buffer in self._network.buffers()]
        devices = [inputs.device] if inputs.device.type == "cuda" else []
        try:
            with torch.random.fork_rng(devices=devices):
                for _ in range(_WARM_UPS):
                    graph.warm_up(lambda: self._compute(*static))
                # With no gradients at first, a graph writes them instead of adding to them.
                self._network.zero_grad(set_to_none=True)
                outcome = graph.capture(lambda: self._compute(*static))
        finally:  # warming up leaves no trace
            for buffer, value in zip(self._network.buffers(), before, strict=True):
                buffer.copy_(value)
        gradients = [parameter.grad for parameter in self._network.parameters()]
        return _Captured(graph, *static, outcome, gradients)
