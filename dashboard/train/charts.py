"""Curves of runs: DataFrames and rows in, plotly figures out."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.shared import palette
from dashboard.shared.language import N_, tr
from vggcore.runs.curves import band, smooth, thin_out

POINTS = 800  # per curve: more than a screen has pixels for
TRAIN, VALIDATION, REFERENCE = palette.FIRST, palette.SECOND, palette.QUIET
RUN_COLOURS = palette.SERIES
_EPOCHS_EACH_NAMED = 12  # with more, Plotly chooses whole numbers itself
X_AXES = {"step": N_("Step"), "epoch": N_("Epoch"), "seconds": N_("Time")}
_HEIGHT = 340
_TITLES = {"loss": N_("Loss"), "accuracy": N_("Accuracy"), "top5": N_("Top-5 accuracy")}


@dataclass(frozen=True)
class Look:
    """How the reader wants the curves."""

    x: str = "step"  # a key of X_AXES
    log: bool = False  # loss on a logarithmic axis
    smoothing: float = 0.6  # 0 is off


@dataclass(frozen=True)
class Curves:
    """The measured rows of one run, ready to draw."""

    name: str
    steps: pd.DataFrame
    epochs: pd.DataFrame  # one row per epoch, without the confusion matrix
    evaluated_on: str = "validation"

    @classmethod
    def of(cls, name: str, log) -> "Curves":
        """From a `MetricsLog` or a `Recording`."""
        left_out = ("confusion", "samples")
        rows = [{k: v for k, v in row.items() if k not in left_out} for row in log.epochs()]
        return cls(name, log.steps(), pd.DataFrame(rows), log.evaluated_on)

    @property
    def steps_per_epoch(self) -> float:
        """As far as known; 1 before anything was measured."""
        for table in (self.epochs, self.steps):
            if len(table) and table["epoch"].iloc[-1] > 0:
                return table["step"].iloc[-1] / table["epoch"].iloc[-1]
        return 1.0

    def has(self, metric: str) -> bool:
        """Whether the run measured "loss", "accuracy" or "top5"."""
        in_steps = len(self.steps) > 0 and f"train_{metric}" in self.steps
        return in_steps or f"val_{metric}" in self.epochs


def one_run(curves: Curves, metric: str, look: Look, reference: Curves | None = None) -> go.Figure:
    """Training and validation `metric` ("loss", "accuracy" or "top5") of a run."""
    figure = _figure(metric, look, curves.name)
    if len(curves.steps) and f"train_{metric}" in curves.steps:
        _add_steps(figure, curves.steps, f"train_{metric}", look, tr("Training"), TRAIN)
    else:
        _add_epochs(figure, curves.epochs, f"train_{metric}", look, tr("Training"), TRAIN, curves)
    evaluated = tr(curves.evaluated_on.capitalize())
    _add_epochs(figure, curves.epochs, f"val_{metric}", look, evaluated, VALIDATION, curves)
    if reference is not None:
        _add_reference(figure, reference, metric, look, curves)
    return _whole_epochs(figure, look)


def _whole_epochs(figure: go.Figure, look: Look) -> go.Figure:
    """The figure, without half epochs on its axis."""
    last = max((max(trace.x) for trace in figure.data if len(trace.x)), default=0)
    if look.x == "epoch" and last <= _EPOCHS_EACH_NAMED:
        figure.update_xaxes(dtick=1)
    return figure


def _add_reference(figure, reference: Curves, metric: str, look: Look, run: Curves) -> None:
    """Another run's points, up to this run's last step, so that its axis is not squashed."""
    if f"val_{metric}" not in reference.epochs:
        return
    reached = max(table[look.x].max() for table in (run.steps, run.epochs) if len(table))
    x = reference.epochs["epoch"] if look.x != "seconds" else reference.epochs.get("seconds")
    if x is None:
        return
    if look.x == "step":
        x = x * run.steps_per_epoch
    near = reference.epochs[x <= 1.02 * reached]
    _add_epochs(
        figure,
        near,
        f"val_{metric}",
        look,
        reference.name,
        REFERENCE,
        run,
        symbol="diamond",
        dash="dot",
    )


def overlay(runs: list[Curves], metric: str, look: Look) -> go.Figure:
    """Validation `metric` of several runs, with their training curves faint behind."""
    figure = _figure(metric, look, "+".join(run.name for run in runs))
    figure.update_layout(showlegend=True)  # of one run, too: whose it is
    for index, run in enumerate(runs):
        colour = RUN_COLOURS[index % len(RUN_COLOURS)]
        x, y = _thin(run.steps, f"train_{metric}", look)
        alone = f"val_{metric}" not in run.epochs  # before its first epoch has ended
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line=dict(color=colour, width=1),
            opacity=1 if alone else 0.35,
            name=tr("{name}, training", name=run.name),
            legendgroup=run.name,
            showlegend=alone,
        )
        _add_epochs(figure, run.epochs, f"val_{metric}", look, run.name, colour, run)
    return _whole_epochs(figure, look)


def spread_over_runs(
    name: str, epochs: list[list[dict]], metric: str, look: Look, reference: Curves | None = None
) -> go.Figure:
    """Training and validation `metric` of runs that differ only in their seeds: means and a band.

    epochs: the epoch rows of each run. The band is one standard deviation on either side, over the
    epochs that all runs have reached: elsewhere the mean would be one of other runs.
    """
    figure = _figure(metric, look, name)
    for part, label, colour in (
        ("train", tr("Training"), TRAIN),
        ("val", tr("Validation"), VALIDATION),
    ):
        table = band(epochs, f"{part}_{metric}")
        table = table[table["runs"] == table["runs"].max()]
        x = table[look.x]
        figure.add_scatter(
            x=pd.concat([x, x[::-1]]),
            y=pd.concat([table["high"], table["low"][::-1]]),
            fill="toself",
            mode="lines",
            line=dict(width=0, color=colour),
            opacity=0.25,
            legendgroup=label,
            showlegend=False,
            hoverinfo="skip",
            name=tr("{label}, ± standard deviation", label=label),
        )
        figure.add_scatter(
            x=x,
            y=table["mean"],
            mode="lines+markers",
            line=dict(color=colour, width=2),
            marker=dict(size=6),
            name=label,
            legendgroup=label,
            customdata=table[["low", "high", "runs"]],
            hovertemplate=tr(
                "%{y:.4f} (%{customdata[0]:.4f} to %{customdata[1]:.4f}, %{customdata[2]} runs)"
            ),
        )
    if reference is not None:
        longest = max(epochs, key=len)
        own = Curves(name, pd.DataFrame(), pd.DataFrame(longest))
        _add_reference(figure, reference, metric, look, own)
    return _whole_epochs(figure, look)


def one_line(
    steps: pd.DataFrame, column: str, title: str, look: Look, scale: float = 1
) -> go.Figure:
    """A small chart of one measured quantity, such as the learning rate."""
    figure = _figure(title, Look(x=look.x), column)
    x, y = thin_out(_x(steps, look), steps[column].to_numpy() * scale, POINTS)
    figure.add_scatter(x=x, y=y, mode="lines", line=dict(color=TRAIN, width=2), name=title)
    return figure.update_layout(height=200, showlegend=False, yaxis_rangemode="tozero")


def _figure(metric: str, look: Look, identity: str) -> go.Figure:
    """An empty chart that keeps its zoom while it shows the same thing."""
    title = tr(_TITLES.get(metric, metric))
    figure = go.Figure()
    figure.update_layout(
        height=_HEIGHT,
        margin=dict(l=0, r=10, t=36, b=0),
        title=dict(text=title[:1].upper() + title[1:], x=0, font=dict(size=15)),
        # Below the axis: beside the title it would overlap it when charts are side by side.
        legend=dict(orientation="h", yref="container", yanchor="bottom", y=0, x=0),
        hovermode="x unified",
        uirevision=f"{identity} {metric} {look.x} {look.log}",
    )
    axis = tr(X_AXES[look.x])
    figure.update_xaxes(
        title=tr("{name} ({note})", name=axis, note=tr("s")) if look.x == "seconds" else axis
    )
    if metric == "loss" and look.log:
        figure.update_yaxes(type="log")
    if metric in ("accuracy", "top5"):
        figure.update_yaxes(tickformat=".0%")
    return figure


def _add_steps(figure, steps, column, look, name, colour) -> None:
    """The smoothed curve, and the measured values behind it."""
    smoothed = look.smoothing > 0
    x, y = _thin(steps, column, look)
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        line=dict(color=colour, width=1 if smoothed else 2),
        opacity=0.45 if smoothed else 1,
        name=tr("{name}, as measured", name=name) if smoothed else name,
        showlegend=not smoothed,
        hoverinfo="skip" if smoothed else None,
    )
    if smoothed:
        x, y = thin_out(_x(steps, look), smooth(steps[column].to_numpy(), look.smoothing), POINTS)
        figure.add_scatter(x=x, y=y, mode="lines", line=dict(color=colour, width=2), name=name)


def _add_epochs(
    figure, epochs, column, look, name, colour, run: Curves, *, symbol="circle", dash="solid"
) -> None:
    """One point per epoch, joined; nothing if the run did not measure this."""
    if column not in epochs:
        return
    x = epochs["epoch"] if look.x == "epoch" else epochs[look.x]
    if look.x == "step" and epochs is not run.epochs:
        # Another run's steps differ in size: its epochs are aligned with this run's.
        x = epochs["epoch"] * run.steps_per_epoch
    figure.add_scatter(
        x=x,
        y=epochs[column],
        mode="lines+markers",
        name=name,
        legendgroup=name,
        line=dict(color=colour, width=2, dash=dash),
        marker=dict(size=7, symbol=symbol),
    )


def _thin(steps: pd.DataFrame, column: str, look: Look):
    return thin_out(_x(steps, look), steps[column].to_numpy(), POINTS)


def _x(steps: pd.DataFrame, look: Look) -> np.ndarray:
    return steps[look.x].to_numpy()
