"""Curves of the Train page."""

import pandas as pd
import pytest

from dashboard.train import charts
from dashboard.train.charts import Curves, Look


def curves(epochs: int, steps: int, per_epoch: int = 100, name: str = "run") -> Curves:
    """A run that has done `steps` steps and `epochs` whole epochs."""
    rows = [
        {"step": n, "epoch": n / per_epoch, "seconds": n / 10, "train_loss": 1.0,
         "train_accuracy": 0.5}
        for n in range(10, steps + 1, 10)
    ]  # fmt: skip
    ends = [
        {"epoch": n, "step": n * per_epoch, "seconds": n * 10.0, "val_loss": 0.5,
         "val_accuracy": 0.8}
        for n in range(1, epochs + 1)
    ]  # fmt: skip
    return Curves(name, pd.DataFrame(rows), pd.DataFrame(ends))


REFERENCE = curves(5, 5000, per_epoch=1000, name="reference")


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (curves(0, 50), []),  # in the first epoch nothing squashes the live curve
        (curves(1, 150), [100]),
        (curves(3, 300), [100, 200, 300]),
        (curves(9, 900), [100, 200, 300, 400, 500]),
    ],
)
def test_the_reference_reaches_as_far_as_the_run(run, expected):
    figure = charts.one_run(run, "accuracy", Look(), REFERENCE)

    drawn = [trace for trace in figure.data if trace.name == "reference"]
    assert [x for trace in drawn for x in trace.x] == expected


def test_by_epoch_and_by_time_the_reference_keeps_its_own_place():
    run = curves(2, 200)
    for axis, expected in (("epoch", [1, 2]), ("seconds", [10.0, 20.0])):
        figure = charts.one_run(run, "loss", Look(x=axis), REFERENCE)
        [trace] = [trace for trace in figure.data if trace.name == "reference"]
        assert list(trace.x) == expected


def test_a_group_is_drawn_as_means_with_a_band():
    epochs = [
        [{"epoch": 1, "step": 10, "seconds": 1.0, "val_accuracy": a, "train_accuracy": a}]
        for a in (0.8, 0.9)
    ]
    figure = charts.spread_over_runs("mine", epochs, "accuracy", Look(), None)

    means = [trace for trace in figure.data if trace.name == "Validation"]
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    assert means[0].y[0] == pytest.approx(0.85)
    assert len(bands) == 2 and max(bands[1].y) > 0.9 > 0.8 > min(bands[1].y)


def test_the_top5_curve_is_drawn_only_where_it_was_measured():
    run = curves(3, 300)
    measured = Curves("many", run.steps, run.epochs.assign(val_top5=0.9))

    figure = charts.one_run(measured, "top5", Look())

    assert measured.has("top5") and not run.has("top5")
    assert [list(trace.y) for trace in figure.data] == [[0.9] * 3]


def test_before_the_first_epoch_ends_a_run_is_seen_and_named_beside_others():
    run = curves(0, 30)
    young, old = (
        trace
        for trace in charts.overlay([run, curves(2, 200)], "loss", Look()).data
        if trace.x.size and trace.mode == "lines"
    )
    assert young.opacity == 1 and young.showlegend
    assert old.opacity < 1 and not old.showlegend


def test_an_axis_of_epochs_has_no_halves():
    for figure in (
        charts.one_run(curves(3, 300), "loss", Look(x="epoch")),
        charts.overlay([curves(2, 200)], "accuracy", Look(x="epoch")),
    ):
        assert figure.layout.xaxis.dtick == 1
    assert figure.layout.showlegend  # one run alone is named, too
    assert charts.one_run(curves(3, 300), "loss", Look()).layout.xaxis.dtick is None
