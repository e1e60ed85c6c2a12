"""How the server's processor cores are shared among visitors."""

import os


def share() -> None:
    """Let one answer use a quarter of the cores at most, and at least one.

    PyTorch would use all of them for each visitor. Threads that wait for each other on busy cores
    make every answer several times slower. Trainers are processes of their own and not touched.
    """
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 4))
