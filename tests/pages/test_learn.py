"""The Learn page, from the entry point, without a browser."""

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.learn.steps import STEPS
from dashboard.train.recipe_cards import time_here

ROOT = Path(__file__).resolve().parents[2]
NAMES = list(STEPS)
ANSWERS = (27, 56, 25088, "D", 64, "what the layers keep of each image", "T-shirt/top")


def learn(step: str = NAMES[0], **query: str) -> AppTest:
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.query_params.update({"step": step, **query})
    return page.switch_page("pages/learn.py").run()


def answer(page: AppTest, number: int, given) -> AppTest:
    key = f"learn-answer-{number}"
    widget = page.radio(key=key) if isinstance(given, str) else page.number_input(key=key)
    return widget.set_value(given).run()


@pytest.mark.parametrize(("name", "right"), list(zip(NAMES, ANSWERS, strict=True)))
def test_each_step_runs_its_code_and_knows_its_answer(name, right):
    number = NAMES.index(name) + 1
    page = learn(name)
    assert not page.exception and page.subheader[0].value == name[2:]

    answer(page, number, right)

    assert not page.exception and page.success[0].value.startswith("Right.")
    assert page.query_params["done"] == str(number)


@pytest.mark.parametrize(("name", "right"), list(zip(NAMES[:3], ANSWERS[:3], strict=True)))
def test_no_step_prints_the_answer_above_its_question(name, right):
    above = " ".join(block.value for block in learn(name).code)
    assert not re.search(rf"\b{right}\b", above)


@pytest.mark.parametrize(("number", "wrong"), [(1, 49), (4, "C"), (7, "Coat")])
def test_a_wrong_answer_gets_a_hint_and_is_not_counted(number, wrong):
    page = answer(learn(NAMES[number - 1]), number, wrong)

    assert page.info[0].value.startswith("Not yet.") and "done" not in page.query_params


def test_the_code_that_is_shown_is_the_code_that_runs():
    page = learn()
    page.slider(key="learn-count").set_value(2).run()

    assert "count=2" in page.code[0].value
    assert page.code[1].value.splitlines()[0] == "stacked 3 73728 18 C²"
    assert page.code[1].value.splitlines()[1] == "single 5 102400 25 C²"


def test_a_recipe_takes_as_long_on_learn_as_on_train():
    links = [link.proto.label for link in learn(NAMES[5]).get("page_link")]
    for preset in ("try-out", "tutorial"):
        assert any(label.endswith(f"({time_here(preset)})") for label in links)


def test_progress_is_in_the_address():
    page = learn(NAMES[1], done="1.3")
    assert "2 of 7" in page.get("progress")[0].proto.text

    answer(page, 2, 56)

    assert page.query_params["done"] == "1.2.3"


@pytest.mark.parametrize("forged", ["x", "0", "8.9", "-1", "1..", "9" * 50, "<b>"])
def test_a_forged_progress_counts_for_nothing_more(forged):
    page = learn(done=forged)
    assert not page.exception
    assert "0 of 7" in page.get("progress")[0].proto.text


def test_one_goes_on_and_back():
    page = learn(NAMES[2])
    page.button(key="learn-next").click().run()
    assert page.subheader[0].value == NAMES[3][2:]
    page.button(key="learn-back").click().run()
    assert page.subheader[0].value == NAMES[2][2:]


@pytest.mark.parametrize("name", NAMES[:5])
def test_what_is_printed_is_what_the_lines_that_are_shown_print(name):
    page = learn(name)
    code, printed = (block.value for block in page.code[:2])
    lines: list[str] = []

    exec(code, {"print": lambda *values: lines.append(" ".join(map(str, values)))})

    assert "\n".join(lines) == printed
