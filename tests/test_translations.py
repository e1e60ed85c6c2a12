"""Every text has its translation, and a page speaks one language at a time."""

import ast
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from streamlit.testing.v1 import AppTest

from dashboard.classify import canvas
from dashboard.shared import language
from vggcore.machine.messages import Message, restored
from vggcore.runs.folder import RunFolder
from vggcore.runs.metrics import MetricsLog
from vggcore.runs.status import read_status

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import translate  # noqa: E402

# An attribute of a module that is not there is Python's own error.
_ENGLISH_ERRORS = (ROOT / "vggcore" / "__init__.py",)


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


def test_what_a_run_has_said_is_still_translated_when_it_is_read_again(tmp_path, monkeypatch):
    inner = Message("the loss")
    said = Message("{what} is no longer a finite number at step {step}: try a lower learning rate; "
                   "the last good checkpoint is kept", what=inner, step=7)  # fmt: skip
    folder = RunFolder(tmp_path)
    folder.write_status("failed", message=said)
    folder.append_event(7, 1.0, said)
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log.refresh()
    monkeypatch.setattr(language, "current", lambda: "zh")

    for read in (read_status(tmp_path).message, log.events()[0]["message"]):
        assert read == said and language.tr(read).startswith("损失在第 7 步")


@pytest.mark.parametrize("parts", [
    None, [], {"message": 3}, {"message": {"template": "{0}", "values": {}}},
    {"message": {"template": "{x!q}", "values": {"x": 1}}},
    {"message": {"template": "another", "values": {}}},
    {"message": {"template": "{x.y}", "values": {"x": 1}}},
])  # fmt: skip
def test_a_sentence_with_damaged_parts_is_its_english_text(parts):
    row = restored({"message": "as it was", "parts": parts}, "message")

    assert row == {"message": "as it was"} and type(row["message"]) is str


def test_every_error_of_the_library_can_be_translated():
    found = []
    for file in sorted((ROOT / "vggcore").rglob("*.py")):
        if "commands" in file.parts or file in _ENGLISH_ERRORS:
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            made = node.exc if isinstance(node, ast.Raise) else None
            if isinstance(made, ast.Call) and isinstance(made.func, ast.Name) and made.args:
                text = made.args[0]
                plain = isinstance(text, ast.Constant) and isinstance(text.value, str)
                if plain or isinstance(text, ast.JoinedStr):
                    found.append(f"{file.name}:{node.lineno}")
    assert not found


def test_translations_are_written_as_chinese_is():
    with translate.po_file("zh_CN").open("rb") as stream:
        texts = [message.string for message in read_po(stream) if message.id]
    # Where a value stands, a word may stand. A ** after a full-width mark and before a word does
    # not end bold text, by Markdown's rules.
    shown = [re.sub(r"\{[^}]*\}", "词", text) for text in texts]
    ends_badly = re.compile(r"\*\*[^*]*[：，。；！？）”]\*\*(?=[^\s\W])")
    assert not [text for text in shown if ends_badly.search(text)]
    shown = [text.removeprefix("词. ") for text in shown]  # the number of a step, as in English
    assert not [text for text in shown if re.search(r"[一-鿿）”][,.;:!?](?!\w)", text)]


@pytest.mark.parametrize("name", ["overview", "learn", "compare", "train", "results"])
def test_a_page_speaks_chinese_where_the_address_asks_for_it(name):
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.query_params["lang"] = "zh"
    page.switch_page(f"pages/{name}.py").run() if name != "overview" else page.run()
    assert not page.exception
    chinese = {"overview": "用 VGG 网络识别衣物", "learn": "学习", "compare": "比较"}
    chinese |= {"train": "训练", "results": "结果"}
    assert page.title[0].value == chinese[name]


def test_a_strange_language_is_no_language():
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.query_params["lang"] = "<b>xx"
    page.run()
    assert not page.exception and page.title[0].value == "VGG networks on clothing"


@pytest.mark.parametrize(
    ("path", "key", "name", "chinese"),
    [
        ("results", "section", "Confusion", "混淆"),
        ("compare", "view", "What changes", "差异"),
        ("classify", "source", "Sample", "样例"),
        ("pictures", "from", "Corrections", "纠正"),
    ],
)
def test_a_link_in_another_language_chooses_the_same_and_can_be_passed_on(path, key, name, chinese):
    for lang, asked, shown in (("en", chinese, name), ("zh", name, chinese)):
        page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
        page.query_params["lang"] = lang
        page.query_params[key] = asked
        page.switch_page(f"pages/{path}.py").run()
        assert not page.exception and page.session_state[key] in (name, shown)
        assert page.query_params[key] == shown


@pytest.mark.parametrize(
    ("path", "asked", "kept"),
    [
        (
            "results",
            {"section": "Confusion", "cell-is": "Bag", "cell-taken-for": "Coat"},
            {"section": "混淆", "cell-is": "包", "cell-taken-for": "外套"},
        ),
        (
            "classify",
            {"network": "fashion-mnist", "source": "Sample", "sample-class": "Bag"},
            {"network": "Fashion-MNIST", "source": "样例", "sample-class": "包"},
        ),
    ],
)
def test_all_that_a_link_in_another_language_asks_for_is_kept(path, asked, kept):
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.query_params.update({"lang": "zh"} | asked)
    page.switch_page(f"pages/{path}.py").run()

    assert not page.exception
    assert {name: page.query_params.get(name) for name in kept} == kept


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
        found.update(re.findall(r'(?:tr|announce)\("([^"]+)"', file.read_text("utf-8")))
    texts = {text for text in found if len(text) > 1}
    assert len(texts) > 35 and texts <= set(canvas._TEXTS)
