"""Arithmetic for a run's curves: thin them out, smooth them, average several, measure speed."""

import numpy as np
import pandas as pd


def thin_out(x: np.ndarray, y: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    """At most `points` of the points, keeping the lowest and highest of every stretch.

    A single spike in 100,000 steps therefore stays visible. NaN counts as a gap.
    """
    if len(x) <= points:
        return x, y
    stretches = max(1, points // 2)
    edges = np.linspace(0, len(y), stretches + 1).astype(int)
    lowest = np.where(np.isnan(y), np.inf, y)
    highest = np.where(np.isnan(y), -np.inf, y)
    chosen = set()
    for start, end in zip(edges[:-1], edges[1:], strict=True):
        chosen.add(start + int(np.argmin(lowest[start:end])))
        chosen.add(start + int(np.argmax(highest[start:end])))
    order = np.array(sorted(chosen))
    return x[order], y[order]


def smooth(values: np.ndarray, weight: float) -> np.ndarray:
    """Exponential moving average, unbiased at its start; weight 0 changes nothing, 0.99 a lot.

    float [N] to float [N]; NaN stays NaN.
    """
    if not 0 < weight < 1:
        return values
    smoothed = pd.Series(values).ewm(alpha=1 - weight).mean().to_numpy()
    return np.where(np.isnan(values), np.nan, smoothed)  # a gap stays a gap


def band(curves: list[list[dict]], column: str) -> pd.DataFrame:
    """One curve over several runs' epochs: columns epoch, step, seconds, mean, low, high, runs.

    curves: epoch rows of each run; column: for example "val_accuracy". low and high are one
    standard deviation of the sample below and above the mean; an epoch that only one run has
    reached has no width.
    """
    rows = [
        {key: row.get(key) for key in ("epoch", "step", "seconds", column)}
        for epochs in curves
        for row in epochs
    ]
    table = pd.DataFrame(rows, columns=["epoch", "step", "seconds", column]).dropna()
    by_epoch = table.groupby("epoch", sort=True)
    result = by_epoch[["step", "seconds"]].mean()
    result["mean"] = by_epoch[column].mean()
    width = by_epoch[column].std(ddof=1).fillna(0.0)
    result["low"], result["high"] = result["mean"] - width, result["mean"] + width
    result["runs"] = by_epoch[column].count()
    return result.reset_index()


def recent_speed(steps: pd.DataFrame, rows: int = 20) -> float | None:
    """Steps a second over the newest rows; None before there are two of them.

    The slow first step of a run, in which libraries initialise, soon drops out.
    """
    recent = steps.iloc[-rows:]
    if len(recent) < 2:
        return None
    seconds = recent["seconds"].iloc[-1] - recent["seconds"].iloc[0]
    done = recent["step"].iloc[-1] - recent["step"].iloc[0]
    return float(done / seconds) if seconds > 0 and done > 0 else None
