"""`app`: start the dashboard; unknown options are passed on to Streamlit."""

import argparse
import importlib.util
import os
import sys
import tomllib
from collections.abc import Iterator

from vggcore.machine import paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options; `run` reads them."""
    parser.epilog = "You can add Streamlit's own options, such as --server.port=8502."


def run(args: argparse.Namespace) -> int:
    """Becomes Streamlit's process. Raises ValueError if Streamlit is not installed."""
    if importlib.util.find_spec("streamlit") is None:
        raise ValueError("the dashboard needs Streamlit: pip install 'vgg-dashboard[app]'")
    os.execv(sys.executable, command(args.others))
    return 0


def command(others: list[str]) -> list[str]:
    """The argument list that starts the dashboard from any folder; the last options win."""
    place = paths.app_dir()
    settings = tomllib.loads((place / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    options = [f"--{name}={value}" for name, value in _flat(settings)]
    entry = str(place / "streamlit_app.py")
    return [sys.executable, "-m", "streamlit", "run", entry, *options, *others]


def _flat(settings: dict, above: str = "") -> Iterator[tuple[str, object]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield above + name, str(value).lower() if isinstance(value, bool) else value
