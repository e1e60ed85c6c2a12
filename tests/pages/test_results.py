"""The Results page, from the entry point, without a browser."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from untrained import bare_card, save_untrained

from dashboard.results import cost, panel
from dashboard.shared import downloads
from vggcore.answers import making_results, results
from vggcore.data.classes import CLASSES
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.network import build

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = ("Scores", "Confusion", "Mistakes", "Disagreement", "Map", "Cost", "Download")


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory):
    """A cache of what this module's tests compute, once for all of them."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch, shared_cache):
    """Two untrained networks that are judged on synthetic garments."""
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("VGGCORE_CACHE", str(shared_cache))
    monkeypatch.setattr(making_results, "MAP_IMAGES", 60)
    for seed, name in enumerate(("first", "second")):
        save_untrained(tmp_path / "checkpoints", name, seed=seed)
        change_card(tmp_path, name, data={"name": "synthetic", "split_seed": 0}, test_accuracy=0.5)
    return tmp_path


def change_card(tmp_path, name: str, **changes) -> None:
    file = tmp_path / "checkpoints" / f"{name}.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def show(section: str = "Scores", **state) -> AppTest:
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.switch_page("pages/results.py")
    for key, value in {"section": section, **state}.items():
        page.session_state[key] = value
    return page.run()


@pytest.mark.parametrize("second", ["none", "second"])
@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_shows_one_network_and_two(section, second):
    page = show(section, second=second)

    assert not page.exception and not page.error


def test_scores_are_those_of_the_results():
    page = show()

    made = results.cached("first")
    assert page.metric[0].value == f"{made.scores['accuracy']:.2%}"
    assert page.metric[2].value == f"{(~made.right).sum():,}"


def test_a_chosen_cell_shows_its_pictures_with_probabilities(monkeypatch):
    made = making_results.compute("first")
    named = int(np.bincount(made.logits[made.labels == 0].argmax(1)).argmax())
    count = int(((made.labels == 0) & (made.logits.argmax(1) == named)).sum())

    shown = []
    monkeypatch.setattr(panel, "choose", lambda pictures, *_, **__: shown.append(len(pictures)))
    page = show("Confusion", **{"cell-is": CLASSES[0], "cell-taken-for": CLASSES[named]})

    assert any(
        f"**{count:,} pictures: {CLASSES[0]} taken for" in text.value for text in page.markdown
    )
    assert shown[-1] == min(count, panel.SHOWN_BESIDE)


def test_a_chosen_picture_leads_to_itself_on_classify(monkeypatch):
    made = making_results.compute("first")
    asked = []
    monkeypatch.setattr(panel, "choose", lambda *_, **__: 1)
    monkeypatch.setattr("dashboard.shared.links.to_sample", lambda *about: asked.append(about))
    true, named = np.array(made.labels), np.array(made.logits).argmax(1)

    page = show(
        "Confusion", **{"cell-is": CLASSES[0], "cell-taken-for": CLASSES[named[true == 0][0]]}
    )

    assert not page.exception
    network, label, number = asked[-1]
    assert (network, label) == ("first", CLASSES[0])
    index = np.flatnonzero(true == 0)[number]
    assert named[index] == named[true == 0][0]


@pytest.mark.parametrize("point", [[99, 0], ["0", "x"], [0], None, [-1, 3]])
def test_a_made_up_click_changes_nothing(point):
    page = show("Confusion")
    before = page.selectbox("cell-is").value

    page.session_state["confusion-0"] = {"selection": {"points": [{"customdata": point}]}}
    results_panel_state = page.run()

    assert not results_panel_state.exception
    assert page.selectbox("cell-is").value == before


def test_the_drawing_of_the_classify_page_is_on_the_map():
    stroke = {"tool": "brush", "size": 8, "points": [[60, 60], [200, 60], [200, 200], [60, 60]]}
    drawing = json.dumps({"canvas": 256, "strokes": [stroke]})

    assert "is a star here" in show("Map").caption[0].value
    assert "is a star here" not in show("Map", drawing=drawing).caption[0].value


def test_no_network_and_a_damaged_network_are_said_in_words(folders):
    (folders / "checkpoints" / "first.safetensors").write_bytes(b"not weights")
    change_card(folders, "first", sha256="0" * 64)
    assert "damaged" in show(network="first").error[0].value

    for file in (folders / "checkpoints").iterdir():
        file.unlink()
    assert "no network yet" in show().info[0].value


def test_a_phone_gets_the_columns_of_costs_that_fit():
    (table,) = show("Cost", narrow=True, **{"cost-by": "macs"}).dataframe
    assert list(table.proto.column_order) == ["name", "accuracy", "macs"]


def test_costs_leave_out_damaged_cards(folders):
    (folders / "checkpoints" / "first.json").write_text("{")

    table = cost.costs(["first", "second"])

    assert table.name.tolist() == ["second"]
    assert table.accuracy.tolist() == [0.5] and table.milliseconds.isna().all()


def test_a_measured_latency_is_kept():
    assert results.latency("first") is None

    seconds = making_results.measure_latency("first")

    assert 0 < seconds < 1 and results.latency("first") == seconds


def test_a_latency_of_one_view_is_not_shown_for_two(folders, monkeypatch):
    monkeypatch.setenv("VGGCORE_CACHE", str(folders / "cache"))
    making_results.measure_latency("first")
    assert results.latency("first")

    save_untrained(folders / "checkpoints", "first", mirror=True)

    assert results.latency("first") is None


def test_captions_name_the_true_class_where_the_answer_is_wrong():
    made = making_results.compute("first")
    wrong = int(np.flatnonzero(~made.right)[0])
    right = int(np.flatnonzero(made.right)[0])

    assert panel.caption(made, wrong).endswith(f"; really {CLASSES[made.labels[wrong]]}")
    assert "; really" not in panel.caption(made, right)


def test_results_in_memory_follow_a_new_card(folders):
    making_results.compute("first")
    assert panel.results_of("first").card.test_accuracy == 0.5

    change_card(folders, "first", test_accuracy=0.6)

    assert panel.results_of("first").card.test_accuracy == 0.6


def test_the_card_to_take_away_is_cleaned_of_its_owners_folders(monkeypatch, tmp_path):
    made = {}

    def button(label, name, pattern, make, explained):
        made[label] = make

    spec = VGGSpec(image_size=32, width="1/16", head="pool")
    card = replace(bare_card(spec), train={"pictures": "/home/me/clothes"})
    checkpoints.save(tmp_path / "mine", build(spec, seed=0), card)
    monkeypatch.setattr(downloads, "_button", button)

    downloads.buttons(tmp_path / "mine", card, "mine")

    files = zipfile.ZipFile(io.BytesIO(made["PyTorch"]()))
    text = files.read("mine/mine.json").decode()
    assert "clothes" in text and "/home/me" not in text


def test_mistakes_are_filtered_and_browsed_to_the_last_one(monkeypatch):
    monkeypatch.setattr(panel.st, "pagination", lambda pages, key: pages)
    page = show("Confusion")
    network = panel.results_of("first")
    counts = np.array(network.scores["confusion"])
    np.fill_diagonal(counts, 0)
    true, named = np.unravel_index(counts.argmax(), counts.shape)
    all_of_them = f"{counts.sum():,}"

    page = page.button(key="to-mistakes-first").click().run()
    assert (page.session_state["section"], page.session_state["cell-is"]) == (
        "Mistakes",
        CLASSES[true],
    )
    assert f"{counts.max():,} of {all_of_them} mistakes" in " ".join(
        text.value for text in page.markdown
    )

    page = show("Mistakes", **{"cell-taken-for": CLASSES[named]})
    assert any(f"{counts[:, named].sum():,} of" in text.value for text in page.markdown)
    page = show("Mistakes")
    shown = [caption.value for caption in page.caption]
    assert any(text.endswith(f"to {all_of_them} of {all_of_them}, most confident first.")
               for text in shown)  # fmt: skip
