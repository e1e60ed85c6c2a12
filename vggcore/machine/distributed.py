"""One run in several processes (`torchrun`); everything here also works in a single one.

Each process ("rank") takes its share of every batch and the gradients are averaged, so that the
job computes what one process would at the same batch size. Only rank 0 writes to the run folder.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor, nn

from vggcore.machine.messages import Message

_PATIENCE = timedelta(days=1)


def rank() -> int:
    """Number of this process, from 0."""
    return int(os.environ.get("RANK", 0))


def world_size() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", 1))


def is_main() -> bool:
    """Whether this process writes, logs and saves."""
    return rank() == 0


@contextmanager
def process_group() -> Iterator[None]:
    """Join the other processes for the life of the block: NCCL between GPUs, gloo between CPUs."""
    if world_size() == 1:
        yield
        return
    # Rank 0 may wait long in the queue; on CPUs a dead process is still noticed at once.
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    torch.distributed.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()


def own_device(device: torch.device) -> torch.device:
    """This process's device: each process on a machine takes one GPU. Raises ValueError."""
    if world_size() == 1 or device.type != "cuda":
        return device
    place = int(os.environ.get("LOCAL_RANK", 0))
    if place >= torch.cuda.device_count():
        raise ValueError(
            Message(
                "process {place} of this machine has no GPU of its own: there are "
                "{count}; start no more processes than that",
                place=place + 1,
                count=torch.cuda.device_count(),
            )
        )
    own = torch.device("cuda", place)
    torch.cuda.set_device(own)
    return own


def shard(batch: Tensor) -> Tensor:
    """This process's share of a batch [B, …]; shares are equal, any remainder is left out."""
    size = world_size()
    return batch[: len(batch) // size * size][rank() :: size]


def wrap(network: nn.Module, device: torch.device) -> nn.Module:
    """The network to call in training: it averages gradients over the processes.

    On GPUs BatchNorm then sees the whole batch; on CPUs PyTorch can only show it its own share.
    """
    if world_size() == 1:
        return network
    gpu = device.type == "cuda"
    if gpu:
        network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
    return nn.parallel.DistributedDataParallel(network, device_ids=[device] if gpu else None)


def sum_over_processes(values: Tensor) -> Tensor:
    """Sum element by element, in place; the same in every process. A sync point."""
    if world_size() > 1:
        torch.distributed.all_reduce(values)
    return values


def share_buffers(network: nn.Module) -> None:
    """Give every process rank 0's buffers: each saw different images (BatchNorm on CPUs)."""
    if world_size() > 1:
        for buffer in network.buffers():
            torch.distributed.broadcast(buffer, src=0)


def is_lost_process(error: Exception) -> bool:
    """Whether a collective operation failed because another process is gone."""
    if isinstance(error, torch.distributed.DistError):
        return True
    return re.search(r"gloo|nccl|connection (closed|reset|refused)", str(error), re.I) is not None


def from_main(value):
    """Give every process rank 0's value, a small object."""
    if world_size() == 1:
        return value
    box = [value]
    torch.distributed.broadcast_object_list(box, src=0, device=torch.device("cpu"))
    return box[0]


def sum_scores(scores: dict) -> dict:
    """Scores over all processes' images, from each one's own (see `evaluation.score`)."""
    if world_size() == 1:
        return scores
    means = [name for name in ("loss", "top5") if name in scores]
    sums = [scores["n"], *(scores[name] * scores["n"] for name in means)]
    sums += sum(scores["confusion"], [])
    n, *sums = sum_over_processes(torch.tensor(sums, dtype=torch.float64)).tolist()
    side, confusion = len(scores["confusion"]), sums[len(means) :]
    rows = [[round(c) for c in confusion[i : i + side]] for i in range(0, side**2, side)]
    right = sum(rows[i][i] for i in range(side))
    found = {name: total / n for name, total in zip(means, sums, strict=False)}
    return found | {"accuracy": right / n, "n": round(n), "confusion": rows}
