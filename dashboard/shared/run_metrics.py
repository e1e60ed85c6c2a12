"""The metrics of runs, read once for all sessions of this process."""

from pathlib import Path

import streamlit as st

from vggcore.runs import Run
from vggcore.runs.metrics import MetricsLog


@st.cache_resource(max_entries=64, show_spinner=False)
def _metrics_log(path: str) -> MetricsLog:
    return MetricsLog(Path(path))


def metrics_of(run: Run) -> MetricsLog:
    """The run's metrics so far."""
    log = _metrics_log(str(run.path / "metrics.jsonl"))
    log.refresh()
    return log
