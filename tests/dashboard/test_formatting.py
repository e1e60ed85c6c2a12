import pytest

from dashboard.shared import formatting
from vggcore.machine import memory


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
