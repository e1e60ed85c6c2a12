"""Every text has its translation, and a page speaks one language at a time."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.classify import canvas
from dashboard.shared import language
from vggcore.machine.messages import Message

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import translate  # noqa: E402


def test_no_translation_is_missing_stale_or_not_compiled():
    assert not translate.check()


def test_the_check_finds_what_is_wrong():
    current, known = translate.Catalog(), translate.Catalog()
    for text in ("one {name}", "two", "three"):
        current.add(text)
    known.add("one {name}", "一")
    known.add("two", "二")
    known.add("four", "四")
    said = " ".join(translate.problems(known, current))
    assert "other names in braces: 'one {name}'" in said
    assert "missing: 'three'" in said and "no longer used: 'four'" in said and "two" not in said


def test_a_message_is_an_english_text_that_can_be_said_again():
    inner = ValueError(Message("the file is larger than {limit} MB", limit=8))
    message = Message("This drawing cannot be used: {error}", error=inner)
    assert message == "This drawing cannot be used: the file is larger than 8 MB"
    assert str(ValueError(message)) == message
    token = language._forced.set("zh")
    try:
        assert language.tr(message) == "无法使用这幅画：文件大于 8 MB"
        assert language.tr(ValueError(message)) == language.tr(message)
        assert language.tr("{count} kittens", count=3) == "3 kittens"  # not translated: English
        assert language.tr("") == "" and language.tr(Message("")) == ""
        assert language.tr(Message("a {class} of theirs")) == "a {class} of theirs"
        missing = FileNotFoundError(2, "No such file", "x.png")
        assert language.tr("cannot read the file: {strerror}", strerror=missing) == (
            "无法读取文件：[Errno 2] No such file: 'x.png'"
        )
    finally:
        language._forced.reset(token)


@pytest.mark.parametrize("name", ["overview", "learn", "compare", "train", "results"])
def test_a_page_speaks_chinese_where_the_address_asks_for_it(name):
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.query_params["lang"] = "zh"
    page.switch_page(f"pages/{name}.py").run() if name != "overview" else page.run()
    assert not page.exception
    chinese = {"overview": "认衣物的 VGG 网络", "learn": "学习", "compare": "比较"}
    chinese |= {"train": "训练", "results": "结果"}
    assert page.title[0].value == chinese[name]


def test_a_strange_language_is_no_language():
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.query_params["lang"] = "<b>xx"
    page.run()
    assert not page.exception and page.title[0].value == "VGG networks on clothing"


def test_a_link_may_name_a_section_in_any_language():
    for asked in ("Confusion", "混淆"):
        for lang in ("en", "zh"):
            page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
            page.query_params["lang"] = lang
            page.query_params["section"] = asked
            page.switch_page("pages/results.py").run()
            assert not page.exception
            assert page.segmented_control(key="section").value == "Confusion"


def test_whatever_the_browser_components_say_can_be_translated():
    files = (ROOT / "dashboard" / "classify" / "assets").glob("*.html")
    found: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found.update(v for k, v in attributes if k in ("title", "aria-label") and v)

        def handle_data(self, data):
            found.add(data.strip())

    for file in files:
        Reader().feed(file.read_text("utf-8"))
    for file in (ROOT / "dashboard" / "classify" / "assets").glob("*.js"):
        found.update(re.findall(r'sa(?:id|y)\("([^"]+)"', file.read_text("utf-8")))
    said = {text for text in found if len(text) > 1}
    assert len(said) > 35 and said <= set(canvas._TEXTS)
