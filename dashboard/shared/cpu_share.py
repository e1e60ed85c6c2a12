"""How the server's processor cores are shared among visitors."""


def share() -> None:
    """Let one answer use one core.

    PyTorch would use all cores for each visitor. Threads that wait for each other on busy cores
    make every answer several times slower. Trainers are separate processes and are not affected.
    """
    import torch

    torch.set_num_threads(1)
