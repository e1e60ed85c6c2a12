"""The Classify page, from the entry point, without a browser."""

import json
import math
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from picture_files import ALLOWED, REFUSED, encoded
from PIL import Image, ImageDraw
from streamlit.testing.v1 import AppTest
from untrained import save_untrained

from dashboard.classify import correct, photo
from dashboard.classify.panel import answer_html
from dashboard.shared import palette
from vggcore.answers.classifier import Prediction
from vggcore.data.classes import percent
from vggcore.model import checkpoints

ROOT = Path(__file__).resolve().parents[2]
DATA = os.environ.get("VGGCORE_DATA", "")
SHIRT = [[60, 60], [200, 60], [200, 200], [60, 200], [60, 60]]
DRAWING = json.dumps({"canvas": 256, "strokes": [{"tool": "brush", "size": 8, "points": SHIRT}]})


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Two networks that answer anything, and no data sets."""
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path / "data"))
    save_untrained(tmp_path / "checkpoints")
    save_untrained(tmp_path / "checkpoints", "other", seed=1)
    return tmp_path


@pytest.mark.parametrize(
    ("chance", "whole", "tenths"),
    [(1.0, "99%", "99.9%"), (0.9996, "99%", "99.9%"), (0.987, "99%", "98.7%"), (0.0, "0%", "0.0%")],
)
def test_no_answer_claims_to_be_certain(chance, whole, tenths):
    answer = SimpleNamespace(
        label="Bag",
        probability=chance,
        probabilities={"Bag": chance},
        unsure=False,
        none_of_these=False,
    )
    html = answer_html(answer)
    assert f">{tenths} sure<" in html and f">{tenths}<" in html
    assert percent(chance) == whole  # the short form


def test_the_bars_of_what_may_be_none_of_the_classes_are_muted_and_say_so():
    none = Prediction("Bag", 0.859, {"Bag": 0.859}, True, "No garment.", None, none_of_these=True)
    for answer in (none, replace(none, none_of_these=False)):
        html = answer_html(answer)
        assert ("If it were one of them:" in html) == answer.none_of_these
        assert (palette.BAR not in html) == answer.none_of_these


def classify(source: str = "Draw", **state) -> AppTest:
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.switch_page("pages/classify.py").run()
    for key, value in {"source": source, **state}.items():
        page.session_state[key] = value
    return page.run()


def upload(*files: tuple[str, bytes]) -> AppTest:
    page = classify("Upload")
    page.file_uploader[0].set_value([(name, data, "image/png") for name, data in files])
    return page.run()


def key_of(data: bytes) -> str:
    """What the keys of an upload's elements begin with."""
    return photo.keys_of("file", [data])[0]


GARMENT = key_of(ALLOWED["garment.png"])


def answers(page: AppTest) -> list[str]:
    return [element.body for element in page.html if 'class="answer"' in element.body]


def drawn(page: AppTest) -> list[str]:
    """What the page draws as HTML, without its styles."""
    return [element.body for element in page.html if not element.body.startswith("<style>")]


def test_an_empty_canvas_asks_for_a_drawing():
    page = classify()

    assert not page.exception and not answers(page)
    assert "Draw a garment" in page.info[0].value


def test_a_drawing_is_answered_with_bars_and_steps():
    page = classify(canvas={"drawing": DRAWING})

    assert not page.exception
    (answer,) = answers(page)
    assert answer.count("<li") == 5 and "%" in answer
    (steps,) = (e.body for e in page.html if "network input" in e.body)
    assert steps.count("<img") == 4 and "mirrored" not in steps
    assert page.session_state["drawing"] == DRAWING


def test_a_network_that_looks_twice_says_so(folders):
    save_untrained(folders / "checkpoints", mirror=True)

    page = classify(canvas={"drawing": DRAWING})

    assert any("network input, also mirrored" in element.body for element in page.html)


@pytest.mark.parametrize(
    "forged",
    [
        5,
        ["a"],
        {"strokes": 5},
        "[[[",
        "x" * 2_000_000,
        "\ud800",
        {"strokes": [{"points": [[math.nan, 1]]}]},
        json.dumps({"strokes": [{"points": [[1, 2]] * 60_000}]}),
        json.dumps({"strokes": [{"points": [[1, 2]], "tool": "<img src=x onerror=alert(1)>"}]}),
    ],
    ids=["number", "list", "strokes", "nested", "long", "surrogate", "nan", "points", "tool"],
)
def test_forged_drawings_get_a_message(forged):
    page = classify(canvas={"drawing": forged})

    assert not page.exception and not answers(page)
    assert page.error[0].value.startswith("This drawing cannot be used: ")
    assert "<img" not in page.error[0].value


@pytest.mark.parametrize("forged", [5, ["a"], {"a": 1}, "%%%", "ü", "x" * 30_000_000, "QUJD"])
def test_forged_pasted_pictures_get_a_message(forged):
    page = classify("Paste", paste={"picture": forged})

    assert not page.exception and not answers(page)
    assert "picture" in page.error[0].value


def test_every_allowed_picture_is_answered():
    page = upload(*list(ALLOWED.items())[:12])

    assert not page.exception and not page.error
    assert len(answers(page)) == 12


def test_refused_pictures_are_named_with_the_reason():
    page = upload(*[(name, data) for name, (data, _) in REFUSED.items()])

    assert not page.exception and not answers(page)
    for error, (name, (_, reason)) in zip(page.error, REFUSED.items(), strict=True):
        assert error.value.startswith(name) and reason in error.value


def test_a_file_name_is_shown_as_text():
    page = upload(("<b onclick=x>.png", ALLOWED["garment.png"]))

    assert any("&lt;b onclick=x&gt;.png" in element.body for element in page.html)
    assert not any("<b onclick" in element.body for element in page.html)


def test_more_pictures_than_allowed_are_left_out():
    page = upload(*[("garment.png", ALLOWED["garment.png"])] * 14)

    assert len(answers(page)) == 12
    assert "first 12" in page.warning[0].value


def test_two_networks_side_by_side():
    page = classify(canvas={"drawing": DRAWING}, second="other")

    first, second = answers(page)
    assert "Photos and drawings" in first and "other" in second


def test_overrides_reach_the_network():
    page = classify(canvas={"drawing": DRAWING})
    before = answers(page)

    page.selectbox(key="drawing-crop").set_value("off").run()

    assert not page.exception and answers(page) != before


def test_samples_without_the_data_set_are_synthetic_and_say_so():
    page = classify("Sample")

    assert not page.exception and len(answers(page)) == 1
    assert any("T-shirt/top (synthetic)" in element.body for element in page.html)


def test_another_sample_is_another():
    page = classify("Sample")
    before = [element.body for element in page.html]

    page.button[0].click().run()

    assert [element.body for element in page.html] != before


def test_an_explanation_without_the_data_set_says_what_is_missing():
    page = classify(canvas={"drawing": DRAWING})

    page.toggle[0].set_value(True).run()

    assert not page.exception
    assert "Why " in page.subheader[0].value
    pictures = [body.count("<img") for body in drawn(page)]
    assert pictures == [0, 4, 3]  # the inside of the network is a component of its own
    assert "Fashion-MNIST" in page.info[0].value


@pytest.mark.data
def test_an_explanation_shows_the_most_similar_training_images(monkeypatch):
    monkeypatch.setenv("VGGCORE_DATA", DATA)
    page = classify("Sample")

    page.toggle[0].set_value(True).run(timeout=120)

    assert not page.exception and not page.info
    assert drawn(page)[-1].count("<img") == 8


def test_a_damaged_checkpoint_is_reported(folders):
    save_untrained(folders / "checkpoints", seed=2)  # one that no test has loaded yet
    weights = folders / "checkpoints" / f"{checkpoints.DEFAULT}.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9] + b"damaged !")

    page = classify()

    assert not page.exception
    assert "damaged" in page.error[0].value


def test_without_any_network_the_page_says_where_to_get_one(folders, monkeypatch):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(folders / "none"))

    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.switch_page("pages/classify.py").run()

    assert not page.exception
    assert "Train page" in page.info[0].value


def test_forged_choices_in_the_address_are_ignored():
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.query_params["network"] = "../../etc/passwd"
    page.query_params["source"] = "<script>"

    page.switch_page("pages/classify.py").run()

    assert not page.exception
    assert page.selectbox(key="network").value == checkpoints.DEFAULT


def test_uploads_stay_in_memory_while_they_arrive():
    from starlette.formparsers import MultiPartParser

    classify()

    assert MultiPartParser.spool_max_size > 20_000_000


def test_uploads_are_still_there_after_a_visit_to_another_page():
    page = upload(("garment.png", ALLOWED["garment.png"]))
    shown = len(page.get("html"))

    page.switch_page("pages/compare.py").run()
    page.switch_page("pages/classify.py").run()

    assert not page.exception and len(page.get("html")) == shown
    page.button(key="remove-kept").click().run()
    assert len(page.get("html")) < shown


def test_a_picture_can_be_turned_and_its_steps_show_it():
    page = classify(canvas={"drawing": DRAWING})
    before = [element.body for element in page.html]

    [turn] = [one for one in page.get("button_group") if one.label == "Turn"]
    page.session_state[turn.key if hasattr(turn, "key") else "canvas-turn"] = "Left"
    page.run()

    assert not page.exception and [element.body for element in page.html] != before


def test_a_network_that_never_doubts_says_so():
    page = classify(canvas={"drawing": DRAWING})

    assert any("cannot say that" in caption.value for caption in page.caption)


def person() -> bytes:
    """A photo-like person in a red shirt and blue trousers, as PNG."""
    noise = np.random.default_rng(0).normal(0, 4, (300, 200, 3))
    picture = Image.fromarray(np.clip(np.array((90, 120, 150)) + noise, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.ellipse([82, 20, 118, 62], (224, 172, 125))
    draw.rectangle([70, 62, 130, 150], (200, 30, 40))
    draw.rectangle([60, 70, 70, 130], (224, 172, 125))
    draw.rectangle([76, 150, 124, 285], (20, 30, 90))
    return encoded(picture, "PNG")


@pytest.fixture
def answers_by_height(monkeypatch):
    """Every tall picture is a Dress, every other one a Shirt, both with certainty."""

    def classify(self, picture, **_):
        label = "Dress" if picture.height > 1.2 * picture.width else "Shirt"
        chances = dict.fromkeys(self.classes, 0.01) | {label: 0.91}
        return Prediction(label, 0.91, chances, False, "", self.prepare(picture))

    monkeypatch.setattr("vggcore.answers.classifier.Classifier.classify", classify)


def test_a_photo_of_a_person_offers_its_parts_and_answers_for_the_chosen_one(answers_by_height):
    page = upload(("person.png", person()))
    offered = [button.label for button in page.button if "part" in (button.key or "")]
    assert offered == ["Whole picture", "Upper body", "Legs", "Shoes"]
    assert "Dress" in answers(page)[0]
    assert any("whole picture" in caption.value for caption in page.caption)

    page.button(key=f"{key_of(person())}-part-Upper body").click().run()

    assert not page.exception and "Shirt" in answers(page)[0]
    assert any("This answer is for: upper body" in caption.value for caption in page.caption)


def test_a_garment_alone_offers_no_parts(answers_by_height):
    page = upload(("garment.png", ALLOWED["garment.png"]))
    assert not [button for button in page.button if "part" in (button.key or "")]


@pytest.mark.parametrize("forged", ["9999,9999,50,50", "x", 7, ["1", 2], "1,2,3,-4"])
def test_a_forged_box_is_ignored(forged, answers_by_height):
    page = upload(("person.png", person()))
    page.session_state[f"{key_of(person())}-box"] = forged
    page.run()
    assert not page.exception and "Dress" in answers(page)[0]


def test_a_box_belongs_to_its_picture(answers_by_height):
    page = upload(("person.png", person()), ("again.png", person()))
    page.session_state[f"{key_of(person())}-box"] = "60,60,80,80"
    page.run()
    assert ["Shirt" in answer for answer in answers(page)] == [True, False]

    for files in [("narrow.png", narrow())], [("person.png", person())]:
        page.file_uploader[0].set_value([(name, data, "image/png") for name, data in files])
        page.run()
        assert not page.exception and "Dress" in answers(page)[0]


def narrow() -> bytes:
    picture = Image.new("RGB", (200, 300), "white")
    ImageDraw.Draw(picture).rectangle([80, 20, 120, 280], (200, 30, 40))
    return encoded(picture, "PNG")


def two_garments() -> bytes:
    """A tall garment and a broad one on white."""
    picture = Image.new("RGB", (400, 200), "white")
    pen = ImageDraw.Draw(picture)
    pen.rectangle([40, 20, 110, 180], (200, 30, 40))
    pen.rectangle([220, 60, 370, 160], (20, 30, 90))
    return encoded(picture, "PNG")


def test_garments_side_by_side_are_offered_by_where_they_are(answers_by_height):
    page = upload(("two.png", two_garments()))
    offered = [button.label for button in page.button if "part" in (button.key or "")]
    assert offered == ["Whole picture", "Left", "Right"]

    page.button(key=f"{key_of(two_garments())}-part-Left").click().run()

    assert not page.exception and "Dress" in answers(page)[0]
    assert any("This answer is for: left" in caption.value for caption in page.caption)


def test_a_turned_picture_is_turned_by_one_click(monkeypatch):
    def classify(self, picture, **_):
        lying = picture.width > picture.height
        chances = dict.fromkeys(self.classes, 0.01) | {"Dress": 0.91}
        reason = "The picture may need turning." if lying else ""
        prepared = self.prepare(picture)
        return Prediction("Dress", 0.91, chances, lying, reason, prepared, turn=90 * lying)

    monkeypatch.setattr("vggcore.answers.classifier.Classifier.classify", classify)
    lying = Image.new("RGB", (200, 120), "white")
    ImageDraw.Draw(lying).rectangle([20, 40, 180, 80], (200, 30, 40))
    page = upload(("lying.png", encoded(lying, "PNG")))
    assert "Unsure" in answers(page)[0]

    turn_it = f"{key_of(encoded(lying, 'PNG'))}-turn-it"
    page.button(key=turn_it).click().run()

    assert not page.exception and "Dress" in answers(page)[0]
    assert not [button for button in page.button if button.key == turn_it]


@pytest.mark.parametrize(("asked", "number"), [("3", 3), ("x", 0), ("-1", 0), ("9" * 40, 0)])
def test_a_link_opens_one_sample(asked, number, monkeypatch):
    shown = []

    def sample(network, label, number):
        shown.append((label, number))
        return Image.new("L", (28, 28)), "here"

    monkeypatch.setattr("dashboard.classify.panel.sample", sample)
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.query_params.update({"source": "Sample", "sample-class": "Bag", "sample-number": asked})
    page.switch_page("pages/classify.py").run()
    assert not page.exception and shown[-1] == ("Bag", number)

    page.button(key="another").click().run()
    assert shown[-1] == ("Bag", number + 1)
    page.query_params["sample-number"] = "7"  # the next link, in the same session
    page.run()
    assert shown[-1] == ("Bag", 7)
    del page.query_params["sample-number"]  # back by the menu, whose links say no number
    page.run()

    assert shown[-1] == ("Bag", 7)


def test_a_wrong_answer_leads_to_the_same_confusion(monkeypatch):
    def classify(self, picture, **_):
        chances = dict.fromkeys(self.classes, 0.01) | {"Coat": 0.91}
        return Prediction("Coat", 0.91, chances, False, "", self.prepare(picture))

    monkeypatch.setattr("vggcore.answers.classifier.Classifier.classify", classify)
    monkeypatch.setattr(
        "dashboard.classify.panel.sample", lambda *_: (Image.new("L", (28, 28)), False)
    )
    asked = []
    monkeypatch.setattr("dashboard.shared.links.confusion", lambda *about: asked.append(about))

    classify_page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    classify_page.query_params.update({"source": "Sample", "sample-class": "Shirt"})
    classify_page.switch_page("pages/classify.py").run()

    assert not classify_page.exception and asked == [("wild", "Shirt", "Coat")]
    assert not [button for button in classify_page.button if "correct" in (button.key or "")]
    assert any("cannot be corrected" in caption.value for caption in classify_page.caption)


@pytest.mark.parametrize(("label", "unsure"), [("cattle", False), ("cat", True)])
def test_a_right_answer_or_an_unsure_one_leads_to_no_confusion(label, unsure, folders, monkeypatch):
    def classify(self, picture, **_):
        chances = dict.fromkeys(self.classes, 0.01) | {label: 0.91}
        return Prediction(label, 0.91, chances, unsure, "", self.prepare(picture))

    save_untrained(folders / "checkpoints", classes=("cat", "cattle"))
    monkeypatch.setattr("vggcore.answers.classifier.Classifier.classify", classify)
    monkeypatch.setattr(
        "dashboard.classify.panel.sample", lambda *_: (Image.new("L", (28, 28)), "here")
    )
    asked = []
    monkeypatch.setattr("dashboard.shared.links.confusion", lambda *about: asked.append(about))

    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.query_params.update({"source": "Sample", "sample-class": "cattle"})
    page.switch_page("pages/classify.py").run()

    assert not page.exception and answers(page) and not asked


def test_a_network_for_whole_pictures_offers_only_what_it_uses(folders):
    save_untrained(folders / "checkpoints", style="grey-picture")
    page = upload(("a.png", ALLOWED["garment.png"]))

    assert not page.exception and answers(page)
    assert [each.label for each in page.expander] == ["Turn the picture"]
    assert not [each for each in page.selectbox if each.key.endswith(("invert", "background"))]


def correct_first_upload(page: AppTest, label: str) -> AppTest:
    page.selectbox(key=f"{GARMENT}-correct-label").set_value(label).run()
    return page.button(key=f"{GARMENT}-correct-keep").click().run()


def test_a_correction_stays_in_the_session(folders):
    page = correct_first_upload(upload(("a.png", ALLOWED["garment.png"])), "Coat")

    assert not page.exception
    assert [one.label for one in page.session_state["corrections"]] == ["Coat"]
    assert any("kept as Coat" in caption.value for caption in page.caption)
    assert not list(folders.rglob("*.png"))


def test_a_correction_is_stored_only_where_the_owner_collects_them(folders, monkeypatch):
    monkeypatch.setenv("VGGCORE_COLLECT", "1")
    monkeypatch.setenv("VGGCORE_PUBLIC", "1")
    page = upload(("a.png", ALLOWED["garment.png"]))
    assert any("collects corrections" in text.value for text in page.markdown)

    page = correct_first_upload(page, "Coat")

    assert not page.exception and "corrections" not in page.session_state
    assert [file.parent.name for file in folders.rglob("*.png")] == ["Coat"]


def test_a_public_page_that_collects_nothing_asks_nothing(monkeypatch):
    monkeypatch.setenv("VGGCORE_PUBLIC", "1")

    page = upload(("a.png", ALLOWED["garment.png"]))

    assert f"{GARMENT}-correct-keep" not in {button.key for button in page.button}


def test_a_correction_beyond_the_most_is_not_said_to_be_kept(monkeypatch):
    monkeypatch.setattr(correct, "MOST", 1)
    page = correct_first_upload(upload(("a.png", ALLOWED["garment.png"])), "Coat")

    page = correct_first_upload(page, "Bag")

    assert [one.label for one in page.session_state["corrections"]] == ["Coat"]
    assert any("1 corrections at most" in caption.value for caption in page.caption)


@pytest.mark.parametrize(
    ("answers", "offered"),
    [
        # the whole, then its parts: class, probability, unsure
        ([("Shirt", 0.8, False), ("Shirt", 0.9, False), ("Coat", 0.3, True)], False),
        ([("Shirt", 0.8, False), ("Trouser", 0.9, False)], True),  # two garments
        ([("Shirt", 0.45, False), ("Shirt", 0.92, False)], True),  # a part shows it much better
        ([("Shirt", 0.3, True), ("Shirt", 0.9, True)], False),
    ],
)
def test_parts_are_offered_if_they_say_something_else_or_say_it_more_clearly(answers, offered):
    whole, *parts = (
        Prediction(label, probability, {}, unsure, "", prepared=None)
        for label, probability, unsure in answers
    )
    assert photo._worth_offering(whole, parts) == offered
