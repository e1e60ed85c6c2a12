import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from untrained import save_untrained

from dashboard.overview import journey, sketches
from dashboard.overview.sketches import Point
from vggcore import runs
from vggcore.answers.classifier import load_classifier
from vggcore.machine import paths
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.presets import PRESETS

ROOT = Path(__file__).resolve().parents[2]


def overview() -> AppTest:
    return AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()


def strip_of(page: AppTest) -> str:
    [strip] = [html.body for html in page.html if "class='way'" in html.body]
    return strip


def test_the_overview_shows_a_picture_on_its_way_and_where_to_go():
    page = overview()

    assert not page.exception
    assert page.title[0].value == "VGG networks on clothing"
    strip = strip_of(page)
    assert strip.count("<figure>") == 7 and "192 maps, 2×2" in strip
    assert "<b>T-shirt/top</b>" in strip
    assert [title.value for title in page.subheader] == [
        "Small to large",
        "Watch one learn",
        "Included networks",
    ]
    drawn = [text.value for text in page.markdown if text.value.startswith("<svg")]
    assert len(drawn) == 2 and "VGG-19" in drawn[0] and "right on clothing" in drawn[0]


def test_the_strip_that_comes_first_is_what_the_network_that_ships_says():
    """If this fails, the weights have changed: run `python docs/make_samples.py`."""
    stored, name = journey.stored(), journey.NAMES[0]
    network = load_classifier()

    assert stored.weights == network.checkpoint.card.sha256
    now = journey.Journey.of(network, journey.sample_picture(name), name)
    assert (now.verdict, now.seen, now.blocks[0][0]) == (
        stored.verdict,
        stored.seen,
        stored.blocks[0][0],
    )
    assert now.chances[0][1] == pytest.approx(stored.chances[0][1], abs=0.02)


def test_every_sample_is_named_rightly():
    network = load_classifier()
    for name, label in zip(journey.NAMES, ("T-shirt/top", "Bag", "Ankle boot"), strict=True):
        answer = network.classify(journey.sample_picture(name))
        assert (answer.label, answer.unsure) == (label, False)


def test_a_click_sends_the_sample_through_the_network():
    page = overview()

    page.button(key="overview-bag").click().run()

    assert not page.exception and "<b>Bag</b>" in strip_of(page)


def test_without_a_network_a_click_says_so_and_keeps_the_strip(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path))
    page = overview()
    assert "None yet" in page.info[0].value

    page.button(key="overview-bag").click().run()

    assert not page.exception and "Unknown checkpoint" in page.warning[0].value
    assert "<b>T-shirt/top</b>" in strip_of(page)


def test_a_damaged_card_is_reported_and_the_rest_still_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path))
    (tmp_path / "broken.json").write_text("{")
    good = {
        "spec": VGGSpec().to_dict(),
        "preprocessing": {},
        "classes": [],
        "sha256": "",
        "network": "VGG-11",
    }
    (tmp_path / "whole.json").write_text(json.dumps(good))

    page = overview()

    assert not page.exception
    assert "broken.json" in page.warning[0].value
    assert any("whole" in text.value for text in page.markdown)


def test_only_networks_tested_on_garments_are_said_to_be(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path))
    save_untrained(tmp_path, "mugs", classes=("mug", "cup"))
    card = json.loads((tmp_path / "mugs.json").read_text()) | {"test_accuracy": 1.0}
    (tmp_path / "mugs.json").write_text(json.dumps(card))

    page = overview()

    [said] = [text.value for text in page.markdown if "**mugs**" in text.value]
    assert "**100.0%** of its own test pictures" in said
    assert not any("right on clothing" in text.value for text in page.markdown)


def test_the_newest_run_with_a_curve_is_drawn():
    folder = paths.runs_dir() / "mine"
    folder.mkdir(parents=True)
    preset = PRESETS["try-out"]
    config = {"name": "mine", "spec": preset.spec.to_dict(), "train": preset.train.to_dict()}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "status.json").write_text('{"state": "stopped"}')
    assert any("recorded" in caption.value for caption in overview().caption)

    row = {"kind": "epoch", "epoch": 1, "step": 9, "val_accuracy": 0.7, "train_accuracy": 0.6}
    (folder / "metrics.jsonl").write_text(json.dumps(row) + "\n")

    assert runs.read_run("mine").state == "stopped"
    page = overview()
    assert any("mine\\: stopped" in caption.value for caption in page.caption)
    assert not page.exception


def test_names_of_networks_and_classes_are_shown_letter_by_letter(tmp_path):
    save_untrained(tmp_path, "<b>odd")
    way = journey.Journey("", "x", "p", "s", ((3, 2, "b"),) * 5, "<u>", (("<a>", 0.5),))
    shown = journey.html(way)
    assert "&lt;u&gt;" in shown and "&lt;a&gt;" in shown
    svg = sketches.scatter([Point("<b>", 1, 2, "red")], "<x>", "<y>")
    assert "<b>" not in svg and "&lt;x&gt;" in svg


@pytest.mark.parametrize("most", [0.13, 1, 19.6, 139, 999, 1001])
def test_axes_reach_beyond_their_largest_value_in_few_round_steps(most):
    steps = sketches._steps(most)
    assert steps[0] == 0 and most <= steps[-1] <= 2.1 * most and 2 <= len(steps) <= 5


def test_a_curve_of_one_epoch_is_a_point_and_names_its_lines():
    svg = sketches.curves({"Validation": [(1, 0.5)], "Training": []}, "alt")
    assert "<circle" in svg and "Training" not in svg
    ys = [float(y) for y in re.findall(r'cy="([\d.]+)"', svg)]
    assert all(0 < y < 210 for y in ys)


def test_the_app_opens_before_torch_is_imported():
    code = (
        "import sys; from streamlit.testing.v1 import AppTest;"
        "page = AppTest.from_file('streamlit_app.py', default_timeout=60).run();"
        "assert not page.exception; assert 'torch' not in sys.modules"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr[-500:]


def test_the_samples_are_there_and_small():
    assert all(journey.sample_file(name).stat().st_size < 20_000 for name in journey.NAMES)
    assert journey.STORED.stat().st_size < 100_000
    assert checkpoints.DEFAULT in checkpoints.available()
