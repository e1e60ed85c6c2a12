"""Where data, runs and checkpoints live. Each place can be moved with an environment variable."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def _user_folder(kind: str) -> Path:
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "vggcore" / kind


def data_dir() -> Path:
    """Folder of datasets in torchvision's layout, `FashionMNIST/raw/…` (VGGCORE_DATA)."""
    return Path(os.environ.get("VGGCORE_DATA") or _user_folder("data"))


def runs_dir() -> Path:
    """Folder of run folders (VGGCORE_RUNS).

    Outside the source tree by default: a server that reruns on source changes must not see runs.
    """
    return Path(os.environ.get("VGGCORE_RUNS") or _user_folder("runs"))


def checkpoints_dir() -> Path:
    """Folder of shipped and promoted checkpoints (VGGCORE_CHECKPOINTS)."""
    return Path(os.environ.get("VGGCORE_CHECKPOINTS") or PROJECT / "checkpoints")


def cache_dir() -> Path:
    """Folder of what can be computed again at any time (VGGCORE_CACHE)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("VGGCORE_CACHE") or Path(base) / "vggcore")
