"""How the server's processor cores are shared among visitors."""

import os


def share() -> None:
    """Let one answer use at most a quarter of the cores, and at least one.

    PyTorch would use all cores for each visitor. Threads that wait for each other on busy cores
    make every answer several times slower. Trainers are separate processes and are not affected.
    """
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 4))
