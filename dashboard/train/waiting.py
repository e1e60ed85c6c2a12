"""What a run waits for: the runs before it, and about how long each still takes."""

from dashboard.shared import formatting
from dashboard.shared.language import listed, tr
from dashboard.shared.run_metrics import metrics_of
from vggcore import runs
from vggcore.runs import Run, curves
from vggcore.training import cost


def time_left(run: Run) -> float | None:
    """Seconds until a run ends, by its recent speed, or else by the estimate; None if not known."""
    status = run.status
    if speed := curves.recent_speed(metrics_of(run).steps()):
        return (status.total_steps - status.step) / speed
    if run.spec is None or run.train is None:
        return None
    whole = cost.estimate(run.spec, run.train).seconds(
        run.train.epochs, runs.processes_of(run.path)
    )
    return whole and whole * (1 - status.share)


def behind(names: list[str]) -> str:
    """ "after fast-1 (about 2 min left), fast-2 (about 4 min left): starts in about 6 min"."""
    here = {run.name: run for run in runs.list_runs()}
    described, times = [], []
    for name in names:
        times.append(time_left(here[name]) if name in here else None)
        left = tr("about {time} left", time=formatting.rough_duration(times[-1] or 0))
        described.append(tr("{name} ({note})", name=name, note=left) if times[-1] else name)
    known = [time for time in times if time]
    if len(known) < len(times):
        return tr("after {runs}", runs=listed(described))
    return tr(
        "after {runs}: starts in about {time}",
        runs=listed(described),
        time=formatting.rough_duration(sum(known)),
    )
