"""A network as one HTML page that draws, answers and explains without a server.

The page's parts lie with the dashboard (`dashboard/webpage/assets`, and the canvas of Classify),
which shows the same inside of a network. Nothing in the page is fetched from anywhere, and its
Content-Security-Policy forbids it.
"""

import base64
import gettext
import hashlib
import html
import json
import math
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from vggcore.answers import test_data
from vggcore.data.classes import CLASSES
from vggcore.machine import paths
from vggcore.machine.messages import Message
from vggcore.model import anatomy, checkpoints, page_weights
from vggcore.model.card import Card
from vggcore.pictures.prepare import STYLES

SMALL = 4_000_000  # bytes: a page with 16 bits a number is at most this large
MAX_BYTES = page_weights.MAX_BYTES
_OWN_BYTES = 120_000  # of scripts, styles and texts
_MACS_PER_SECOND = 2e9  # measured by benchmarks/webpage.py, in Chromium
_WORKER = ("pixels", "strokes", "foreground", "objects", "prepare", "network", "answer", "worker")
_POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; worker-src blob:; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)


class Estimate(NamedTuple):
    """What a page would be like, known before it is made."""

    bits: int  # a weight
    bytes: int
    seconds: float  # from a drawing to its answer, in a current browser


def estimate(card: Card) -> Estimate:
    """Size and speed of the page for a network."""
    totals = anatomy.totals(card.spec)
    looks = 2 if card.preprocessing.mirror else 1
    sizes = {
        bits: _OWN_BYTES + totals.parameters * bits // 8 * 4 // 3 for bits in page_weights.BITS
    }
    bits = next((bits for bits in page_weights.BITS if sizes[bits] <= SMALL), 8)
    return Estimate(bits, sizes[bits], looks * totals.macs / _MACS_PER_SECOND)


def expected(card: Card) -> Message:
    """Size and speed of a network's page in one sentence."""
    size = estimate(card)
    return Message(
        "about {size:.1f} MB with {bits} bits a weight; an answer takes about {seconds:.1f} s",
        size=size.bytes / 1e6,
        bits=size.bits,
        seconds=size.seconds,
    )


def page(name: str | Path) -> bytes:
    """The page of a checkpoint. Raises CheckpointError, and ValueError if it would be too large."""
    card = checkpoints.read_card(name)
    size = estimate(card)
    if size.bytes > MAX_BYTES:
        raise ValueError(
            Message(
                "the page for {network} would have {size:,.0f} MB, and an answer would take about "
                "{seconds:,.1f} s: at most {most:.0f} MB are allowed",
                network=card.spec.name,
                size=size.bytes / 1e6,
                seconds=size.seconds,
                most=MAX_BYTES / 1e6,
            )
        )
    style = STYLES.get(card.preprocessing.style)
    if style is None or style.channels != card.spec.in_channels:
        raise ValueError(
            Message("a page cannot prepare pictures in the style {style!r}",
                    style=card.preprocessing.style)
        )  # fmt: skip
    title = card.name or checkpoints.stem(name)
    return _assembled(described(checkpoints.load(name)), title).encode()


def described(checkpoint: checkpoints.Checkpoint) -> dict:
    """JSON-ready: a network and its card, as the page's scripts read them."""
    card = checkpoint.card
    about = {"card": _described(card), "own": test_data.is_own(card)}
    return _finite(page_weights.packed_network(checkpoint.network, estimate(card).bits) | about)


def worker_script() -> str:
    """What runs beside a page: it prepares pictures, and computes."""
    own = _folder() / "webpage" / "assets"
    return "".join(["'use strict'\n", *(_text_of(own / f"{name}.js") for name in _WORKER)])


def _described(card: Card) -> dict:
    values = {"network": card.spec.name, "parameters": anatomy.totals(card.spec).parameters}
    return values | card.for_others().to_dict()


def _assembled(network: dict, title: str) -> str:
    own, drawing = _folder() / "webpage" / "assets", _folder() / "classify" / "assets"
    canvas_js = _text_of(drawing / "canvas.js").replace(
        "export default function ", "function drawingCanvas ", 1
    )
    script = "".join(
        ["'use strict'\n", _text_of(drawing / "words.js"), canvas_js]
        + [_text_of(own / f"{name}.js") for name in ("inside", "page")]
    )
    style = (
        _text_of(own / "page.css")
        + f".drawing {{\n{_text_of(drawing / 'canvas.css')}}}\n"
        + _text_of(own / "inside.css")
    )
    parts = {
        "policy": _POLICY.format(script=_hash(script), style=_hash(style)),
        "title": html.escape(title),
        "style": style,
        "canvas": _text_of(drawing / "canvas.html"),
        "words": _json(_chinese()),
        "worker": worker_script(),
        "network": _json(network),
        "script": script,
    }
    # In one pass: a card may hold braces, too.
    return re.sub(r"\{(\w+)\}", lambda match: parts[match.group(1)], _text_of(own / "page.html"))


def _folder() -> Path:
    return paths.app_dir() / "dashboard"


@cache
def _text_of(file: Path) -> str:
    return file.read_text("utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(value) -> str:
    """JSON that cannot end the element of the page that holds it."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


def _finite(value):
    """The value without infinite numbers, which JSON lacks: thresholds that always hold."""
    if isinstance(value, dict):
        finite = {key: _finite(each) for key, each in value.items()}
        return {
            key: each
            for key, each in finite.items()
            if not (isinstance(each, float) and not math.isfinite(each))
        }
    return [_finite(each) for each in value] if isinstance(value, list) else value


def texts() -> set[str]:
    """All that the page says, in English; `docs/translate.py` collects it."""
    sentences: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            sentences.update(v for k, v in attrs if k in ("title", "aria-label") and v)

        def handle_data(self, data):
            sentences.add(data.strip())

    for part in ("webpage", "classify"):
        for file in (_folder() / part / "assets").glob("*.html"):
            if file.stem in ("page", "canvas"):
                Reader().feed(_text_of(file))
        for file in (_folder() / part / "assets").glob("*.js"):
            if part == "webpage" or file.stem == "canvas":
                sentences.update(
                    re.findall(r'(?:tr|announce|complain|Error)\(\s*"([^"]+)"', _text_of(file))
                )
    return {text for text in sentences if len(text) > 1 and not re.fullmatch(r"\{\w+\}|\W+", text)}


def _chinese() -> dict[str, str]:
    catalog = gettext.translation("dashboard", _folder() / "locales", ["zh_CN"])
    return {text: catalog.gettext(text) for text in sorted(texts() | set(CLASSES))}
