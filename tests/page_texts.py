"""What a visitor reads on a page that `AppTest` has run: all of it, whatever element it is in."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser

from google.protobuf.message import Message as Proto
from streamlit.testing.v1 import AppTest

# Fields of Streamlit's protocol that are never read.
_UNSEEN = {
    "id",
    "form_id",
    "element_id",
    "icon",
    "url",
    "page",
    "page_script_hash",
    "query_string",
    "query_param_key",
    "language",
    "file_type",
    "type",
    "format",
    "data",
    "image_string",
    "config",
    "theme",
    "color",
    "key",
    "proto",
    "delta_path",
    "fragment_id",
    "deferred_file_id",
    "uuid",
    "styles",
}  # fmt: skip
# Code, and components, whose texts `tests/test_translations.py` checks.
_UNREAD = ("Code", "BidiComponent", "ComponentInstance")
_WORDS_OF_FIGURES = {"text", "name", "title", "hovertemplate", "label", "texttemplate"}
# Markdown's and HTML's own, and code: names with _, a dot or parentheses, options, paths.
_NO_WORDS = re.compile(
    r"`[^`]*`|:material/\w+:|:[\w-]+\[|https?://\S+|/[\w./-]+|\]\([^)]*\)|%?\{[^}]*\}|</?\w[^>]*>"
    r"|&\w+;|\w+_\w+|[a-z]\w*(?:\.[a-z]\w*)+|[a-z]+\([a-z]*\)|--[\w-]+",
    re.ASCII,
)
_WORD = re.compile(r"[A-Za-z](?:[A-Za-z'’-]*[A-Za-z])?[A-Za-z]*")


class _Html(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.found: list[str] = []
        self._hidden = 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self._hidden += tag in ("style", "script")
        named = ("title", "alt", "aria-label", "placeholder")
        self.found += [value for name, value in attributes if name in named and value]

    def handle_endtag(self, tag):
        self._hidden -= tag in ("style", "script")

    def handle_data(self, data):
        if not self._hidden:
            self.found.append(data)


def texts(page: AppTest) -> Iterator[str]:
    """Every text on the page, without code."""
    for node in _nodes(page._tree):
        proto = getattr(node, "proto", None)
        if isinstance(proto, Proto) and proto.DESCRIPTOR.name not in _UNREAD:
            yield from _of_proto(proto)
        if proto is not None and proto.DESCRIPTOR.name in ("Arrow", "Dataframe", "Table"):
            yield from _of_table(node.value, proto)


def words(text: str) -> set[str]:
    """The Latin words in a text, of two letters or more, without code."""
    found = _WORD.findall(_NO_WORDS.sub(" ", text.replace("\\", "")))
    return {word for word in found if len(word) > 1}


def _nodes(node) -> Iterator:
    yield node
    children = getattr(node, "children", None) or {}
    for child in children.values():
        yield from _nodes(child)


def _of_proto(proto: Proto) -> Iterator[str]:
    for field, value in proto.ListFields():
        if field.name in _UNSEEN or field.type == field.TYPE_BYTES:
            continue
        many = value if hasattr(value, "append") or hasattr(value, "add") else [value]
        for one in many:
            if isinstance(one, Proto):
                yield from _of_proto(one)
            elif isinstance(one, str):
                yield from _of_text(field.name, one)


def _of_text(field: str, text: str) -> Iterator[str]:
    if field in ("spec", "columns") and text[:1] in "[{":
        yield from _of_json(json.loads(text))
    elif "<" in text and ">" in text:
        yield from _Html(text).found
    else:
        yield text


def _of_json(value, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _of_json(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from _of_json(each, key)
    elif isinstance(value, str) and key in _WORDS_OF_FIGURES:
        yield value


def _of_table(table, proto: Proto) -> Iterator[str]:
    settings = json.loads(getattr(proto, "columns", "") or "{}")
    for column in table:
        setting = settings.get(column, {})
        if not setting.get("label") and not setting.get("hidden"):
            yield str(column)  # is its own head
        yield from (str(each) for each in table[column] if isinstance(each, str))
