"""Where data, runs and checkpoints live. Each place can be moved with an environment variable."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
PROJECT = PACKAGE.parent  # the checkout, or where the package is installed
BEST = "best"  # in a run's folder: the checkpoint of its best epoch, without suffix


def _user_folder(kind: str) -> Path:
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "vggcore" / kind


def data_dir() -> Path:
    """Folder of datasets in torchvision's layout, `FashionMNIST/raw/…` (VGGCORE_DATA)."""
    return Path(os.environ.get("VGGCORE_DATA") or _user_folder("data"))


def pictures_dir() -> Path:
    """Folder of people's own named sets of pictures (VGGCORE_PICTURES)."""
    return Path(os.environ.get("VGGCORE_PICTURES") or _user_folder("pictures"))


def runs_dir() -> Path:
    """Folder of run folders (VGGCORE_RUNS).

    Outside the source tree by default: a server that reruns on source changes must not see runs.
    """
    return Path(os.environ.get("VGGCORE_RUNS") or _user_folder("runs"))


def checkpoints_dir() -> Path:
    """Folder of promoted and added checkpoints (VGGCORE_CHECKPOINTS)."""
    return Path(os.environ.get("VGGCORE_CHECKPOINTS") or shipped_dir())


def shipped_dir() -> Path:
    """Folder of the checkpoints that come with the project."""
    return _beside_or_inside("checkpoints")


def checkpoint_folders() -> tuple[Path, ...]:
    """Where checkpoints are found by their names: people's own, then the shipped ones."""
    return checkpoints_dir(), shipped_dir()


def app_dir() -> Path:
    """Folder of the dashboard's entry point and pages."""
    return PROJECT if (PROJECT / "streamlit_app.py").is_file() else PACKAGE / "app"


def _beside_or_inside(name: str) -> Path:
    """A folder of the checkout, or of the package where that is installed."""
    return PROJECT / name if (PROJECT / "streamlit_app.py").is_file() else PACKAGE / name


def cache_dir() -> Path:
    """Folder for what can be recomputed at any time (VGGCORE_CACHE)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("VGGCORE_CACHE") or Path(base) / "vggcore")
