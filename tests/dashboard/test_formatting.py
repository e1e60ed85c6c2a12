import pandas as pd
import pytest
from untrained import scored_card

from dashboard.compare import charts as compare_charts
from dashboard.results import charts as results_charts
from dashboard.results import cost
from dashboard.shared import formatting
from vggcore.answers import export
from vggcore.commands import tables
from vggcore.machine import memory
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import TrainedOn


@pytest.mark.parametrize(
    "seconds, text",
    [
        (None, ""),
        (float("nan"), ""),
        (0.42, "0.4 s"),
        (59.6, "1 min 00 s"),
        (75, "1 min 15 s"),
        (3600, "1 h 00 min"),
        (93_784, "26 h 03 min"),
    ],
)
def test_durations(seconds, text):
    assert formatting.duration(seconds) == text


@pytest.mark.parametrize(
    "n_bytes, text",
    [
        (None, ""),
        (0, "0 B"),
        (999, "999 B"),
        (5_400_000, "5.4 MB"),
        (2e9, "2 GB"),
        (999_900_000, "1 GB"),
        (999_400_000, "999 MB"),
        (1.234e12, "1.23 TB"),
        (1.234e15, "1234 TB"),
    ],
)
def test_sizes(n_bytes, text):
    assert formatting.size(n_bytes) == text


def test_shares_have_a_dash_where_there_is_none():
    assert [formatting.share(x) for x in (0.9354, 1.0, None, float("nan"))] == [
        "93.5 %",
        "100.0 %",
        "–",
        "–",
    ]


def test_markdown_and_html_of_visitors_are_letters():
    assert formatting.plain("a *b* <i> [x](y) :red[z] $x$") == (
        r"a \*b\* \<i\> \[x\]\(y\) \:red\[z\] \$x\$"
    )


@pytest.mark.parametrize(
    ("tested", "told"), [(2, "100.0 % of 2; 95 %: 34.2 to 100.0 %"), (1_000, "100.0 % of 1,000")]
)
def test_charts_and_tables_of_networks_say_of_how_many_pictures(
    tmp_path, monkeypatch, tested, told
):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("VGGCORE_RUNS", str(tmp_path / "runs"))
    scores = {"test_accuracy": 1.0, "test_images": tested, "data": TrainedOn(name="wild")}
    (tmp_path / "few.json").write_text(scored_card(VGGSpec(), **scores))

    compared = compare_charts.accuracy_on_garments(tables.garment_accuracies())
    costs = cost.costs(["few"])
    plotted = results_charts.cost(costs, "parameters", "", ["few"])

    assert f"few: {told}" in {mark for trace in compared.data for mark in trace.customdata}
    assert f"100.0 % {costs.measured_on[0]}" == told
    assert f"few: {told}" in {mark for trace in plotted.data for mark in trace.customdata}
    assert f"{tested:,} test images | 100.00%" in export.export("few", "model-card").decode()


def test_names_in_a_chart_of_costs_do_not_lie_on_each_other():
    rows = [("a", 0.929), ("b", 0.930), ("chosen", 0.931), ("far", 0.5)]
    table = pd.DataFrame(rows, columns=["name", "accuracy"]).assign(cost=100.0, measured_on="")
    traces = results_charts.cost(table, "cost", "", ["chosen"]).data
    assert {text for trace in traces for text in trace.text} == {"chosen", "far", ""}


def test_shipped_networks_say_what_they_were_tested_on():
    shipped = tables.garment_accuracies()
    assert shipped.test_images.notna().all() and len(shipped) > 2


def test_what_is_free_is_known_for_the_processor_and_a_folder_to_be(tmp_path):
    assert memory.free_disk(tmp_path / "not" / "yet" / "there") > 0
    assert memory.free_memory("cpu") is None or memory.free_memory("cpu") > 1e6


@pytest.mark.parametrize(
    ("timezone", "shown"),
    [(None, "2026-11-27 04:58 UTC"), ("Asia/Shanghai", "2026-11-27 12:58")],
)
def test_times_are_the_visitors_or_say_utc(timezone, shown):
    assert formatting.moment("2026-11-27T04:58:54+00:00", timezone) == shown


@pytest.mark.parametrize(("text", "timezone"), [("yesterday", None), ("2026-11-27", "Mars/Base")])
def test_what_is_no_time_is_left_out(text, timezone):
    assert formatting.moment(text, timezone) == ""


def test_an_accuracy_on_few_pictures_says_what_it_leaves_open():
    assert formatting.measured_on(0.9, 10_000) == "of 10,000"
    assert formatting.measured_on(1.0, 2) == "of 2; 95 %: 34.2 to 100.0 %"
    assert formatting.measured_on(0.5, 999).startswith("of 999; 95 %: 47.")
    assert formatting.measured_on(None, 5) is formatting.measured_on(0.5, None) is None
