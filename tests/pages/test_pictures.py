"""The page for your own pictures, from the entry point; nothing is trained."""

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import own_pictures as made
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.classify import correct
from dashboard.pictures import collect
from dashboard.shared import deployment
from vggcore import runs
from vggcore.data.classes import CLASSES
from vggcore.data.own import corrections, places, prepared, sources
from vggcore.model import checkpoints

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(deployment, "visitor", lambda: "me")


def pictures_page(**query: str) -> AppTest:
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for name, value in query.items():
        page.query_params[name.removesuffix("_")] = value
    return page.switch_page("pages/pictures.py").run()


def press(page: AppTest, label: str) -> None:
    next(button for button in page.button if button.label == label).click().run()


def add_class(page: AppTest, name: str) -> None:
    page.text_input(key="collect-new-class").set_value(name)
    press(page, "Add class")


def test_a_kept_set_shows_its_report():
    places.keep_zip("shapes", made.zipped())

    page = pictures_page()

    assert not page.exception and not page.error
    assert {m.label: m.value for m in page.metric}["Pictures"] == "24"
    assert page.dataframe[0].value["pictures"].tolist() == [8, 8, 8]
    said = " ".join(caption.value for caption in page.caption)
    assert "3 classes have fewer than 20 pictures" in said


def test_a_click_does_not_list_a_kept_zip_again(monkeypatch):
    places.keep_zip("shapes", made.zipped())
    page = pictures_page()
    monkeypatch.setattr(sources, "open_listing", None)

    page.radio(key="pictures-way").set_value("own").run()

    assert not page.exception and page.metric[0].value == "24"


@pytest.fixture
def stopping(monkeypatch):
    """Within the block, Stop is clicked as soon as it is there."""
    monkeypatch.setattr(prepared, "_REPORT_SECONDS", 0.0)
    button = st.button

    def clicked(label: str, **given):
        """Streamlit calls the function of a clicked button, and runs the page from its start."""
        if given.get("key") == "pictures-stop":
            given["on_click"](*given["args"])
            st.rerun()
        return button(label, **given)

    @contextmanager
    def at_once():
        with monkeypatch.context() as while_reading:
            while_reading.setattr(st, "button", clicked)
            yield

    return at_once


def test_adding_files_that_is_stopped_keeps_those_that_were_added(stopping):
    page = pictures_page()
    add_class(page, "mug")
    page.segmented_control(key="collect-way").set_value("Files").run()
    files = [(f"{n}.png", made.encoded(made.picture("circle", n)), "image/png") for n in range(5)]
    with stopping():
        page.file_uploader[0].set_value(files).run()

    assert "1 of 5 pictures have been added" in page.error[0].value
    assert len(page.session_state["collected"]["mug"]) == 1
    page.run()
    assert len(page.session_state["collected"]["mug"]) == 1 and not page.error


def test_reading_that_is_stopped_goes_on_with_the_rest(stopping, monkeypatch):
    places.keep_zip("shapes", made.zipped())
    one, read = prepared._one, []
    monkeypatch.setattr(prepared, "_one", lambda *given: read.append(given) or one(*given))
    monkeypatch.setattr(prepared, "_AHEAD", 1)
    with stopping():
        page = pictures_page()

    assert not page.exception and not page.metric
    assert page.info[0].value.startswith("Stopped: 1 of 24 pictures have been read")
    already = len(read)
    press(page, "Read the rest")
    assert {m.label: m.value for m in page.metric}["Pictures"] == "24"
    assert len(read) - already == 23


def test_training_starts_with_the_sets_own_classes(monkeypatch):
    places.keep_zip("shapes", made.zipped())
    launched = {}

    def launch(spec, train, **others):
        launched.update(spec=spec, train=train, **others)
        raise runs.RunError("enough")

    monkeypatch.setattr(runs, "launch", launch)
    page = pictures_page()
    page.radio(key="pictures-way").set_value("own").run()
    press(page, "Train on these")

    assert launched["spec"].num_classes == 3
    assert (launched["train"].pictures, launched["preset"]) == ("shapes", "own")
    assert launched["name"] == "shapes-1"
    assert page.error[0].value == "enough"


def test_a_set_that_cannot_be_trained_on_says_why():
    png = made.encoded(made.picture("circle", 1))
    places.keep_zip("poor", made.zipped(made.files(4) | {"single/1.png": png}))

    page = pictures_page()

    assert not page.exception
    assert "Class single has 1 different picture" in page.error[0].value


def test_collecting_two_classes_and_keeping_them():
    page = pictures_page()
    assert page.session_state["from"] == "Collect"  # nothing is kept yet
    for number, name in enumerate(("mug", "pen")):
        add_class(page, name)
        page.segmented_control(key="collect-way").set_value("Files").run()
        for _ in range(1):
            page.file_uploader[0].set_value(
                [
                    (f"{n}.png", made.encoded(made.picture(made.SHAPES[number], n)), "image/png")
                    for n in range(4)
                ]
            ).run()
    assert not page.exception
    assert [len(several) for several in page.session_state["collected"].values()] == [4, 4]

    page.text_input(key="collect-name").set_value("My Things").run()
    press(page, "Keep and go on to training")

    assert not page.exception and not page.error
    assert places.names() == ["my-things"]
    assert page.selectbox(key="set").value == "my-things"
    assert "collected" not in page.session_state


def test_too_little_cannot_be_kept():
    page = pictures_page()
    add_class(page, "mug")

    keep = next(b for b in page.button if b.label == "Keep and go on to training")
    assert keep.disabled


@pytest.mark.parametrize(
    ("name", "said"),
    [("MUG", "differ only in capitals"), ("裙" * 70, "cannot be the name of a class")],
)
def test_a_class_that_cannot_be_says_why(name, said):
    page = pictures_page()
    add_class(page, "mug")
    add_class(page, name)

    assert said in page.error[0].value.replace("\\", "")
    assert list(page.session_state["collected"]) == ["mug"]


def test_a_file_that_is_no_picture_is_told_and_nothing_is_lost():
    page = pictures_page()
    add_class(page, "mug")
    page.segmented_control(key="collect-way").set_value("Files").run()
    good = made.encoded(made.picture("circle", 1))
    page.file_uploader[0].set_value(
        [("a.png", good, "image/png"), ("b.png", b"no", "image/png")]
    ).run()

    assert "1 of 2 could not be used" in page.error[0].value
    assert len(page.session_state["collected"]["mug"]) == 1


def test_a_session_keeps_no_more_than_it_may(monkeypatch):
    monkeypatch.setattr(collect, "MOST_CLASSES", 1)
    page = pictures_page()
    add_class(page, "mug")
    add_class(page, "pen")

    assert "1 classes at most" in page.error[0].value


def test_an_uploaded_zip_is_kept_under_its_name():
    page = pictures_page(from_="Upload")
    page.file_uploader(key="zip").set_value(("Shapes.zip", made.zipped(), "application/zip")).run()
    press(page, "Keep these pictures")

    assert not page.exception and not page.error
    assert places.names() == ["shapes"]


def test_an_upload_that_is_no_zip_is_told():
    page = pictures_page(from_="Upload")
    page.file_uploader(key="zip").set_value(("a.zip", b"no zip", "application/zip")).run()
    press(page, "Keep these pictures")

    assert not page.exception and "a is not a zip" in page.error[0].value
    assert places.names() == []


def test_deleting_asks_first():
    places.keep_zip("shapes", made.zipped())
    page = pictures_page()
    press(page, "Delete these pictures")
    assert places.names() == ["shapes"]

    press(page, "Delete")

    assert places.names() == [] and not page.exception


def test_a_public_page_takes_no_pictures(monkeypatch):
    monkeypatch.setenv("VGGCORE_PUBLIC", "1")
    page = AppTest.from_file(str(ROOT / "pages" / "pictures.py"), default_timeout=60).run()

    assert "this one is public" in page.info[0].value and not page.get("file_uploader")


def a_correction(label: str = "Coat") -> correct.Correction:
    picture = made.picture("circle", 1)
    return correct.Correction(label, "Shirt", made.encoded(picture), picture)


def test_corrections_of_the_session_are_trained_on(monkeypatch):
    launched = {}

    def launch(spec, train, **others):
        launched.update(spec=spec, train=train, **others)
        raise runs.RunError("enough")

    monkeypatch.setattr(runs, "launch", launch)
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.query_params["from"] = "Corrections"
    page.session_state["corrections"] = [a_correction()]
    page.switch_page("pages/pictures.py").run()
    press(page, "Train on these corrections")

    assert page.error[0].value == "enough"
    assert launched["train"].init_from == "wild" and launched["preset"] == "corrections"
    assert launched["spec"] == checkpoints.read_card("wild").spec
    kept = corrections.read(launched["train"].pictures, CLASSES)
    assert [CLASSES[one.label] for one in kept] == ["Coat"]


def test_without_corrections_the_page_says_where_to_make_some():
    page = pictures_page(from_="Corrections")

    assert not page.exception and "no corrections yet" in page.info[0].value


def test_corrections_of_classes_that_no_network_has():
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.query_params["from"] = "Corrections"
    page.session_state["corrections"] = [a_correction("Hat")]
    page.switch_page("pages/pictures.py").run()

    assert not page.exception and "No network here" in page.info[0].value


def test_corrections_of_other_classes_do_not_keep_the_rest_from_being_learnt(monkeypatch):
    launched = []

    def launch(spec, train, **others):
        launched.append(train)
        return SimpleNamespace(name="corrected")

    monkeypatch.setattr(runs, "launch", launch)
    monkeypatch.setattr("streamlit.switch_page", lambda *_, **__: None)
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.query_params["from"] = "Corrections"
    page.session_state["corrections"] = [a_correction("Hat"), a_correction("Bag")]
    page.switch_page("pages/pictures.py").run()
    assert any("learns 1 of these 2" in caption.value for caption in page.caption)

    press(page, "Train on these corrections")

    (recipe,) = launched
    kept = corrections.read(recipe.pictures, CLASSES)
    assert [CLASSES[one.label] for one in kept] == ["Bag"]


def test_the_same_picture_twice_is_told():
    page = pictures_page()
    add_class(page, "mug")
    page.segmented_control(key="collect-way").set_value("Files").run()
    same = made.encoded(made.picture("circle", 1))
    page.file_uploader[0].set_value(
        [("a.png", same, "image/png"), ("b.png", same, "image/png")]
    ).run()

    assert "this picture is there already" in page.error[0].value
    assert len(page.session_state["collected"]["mug"]) == 1


def test_what_cannot_be_kept_stays_collected(monkeypatch):
    page = pictures_page()
    for number, name in enumerate(("mug", "pen")):
        add_class(page, name)
        page.segmented_control(key="collect-way").set_value("Files").run()
        page.file_uploader[0].set_value(
            [
                (f"{n}.png", made.encoded(made.picture(made.SHAPES[number], n)), "image/png")
                for n in range(3)
            ]
        ).run()
    monkeypatch.setattr(places, "folder", lambda: Path("/proc/nothing"))

    press(page, "Keep and go on to training")

    assert "Cannot write" in page.error[0].value
    assert len(page.session_state["collected"]) == 2


def test_a_set_that_cannot_be_trained_on_can_be_deleted():
    png = made.encoded(made.picture("circle", 1))
    places.keep_zip("poor", made.zipped(made.files(4) | {"single/1.png": png}))

    page = pictures_page()

    assert "Delete these pictures" in {button.label for button in page.button}
