"""What the canvas in the browser and the checks on the server have to agree on."""

import re

from dashboard.classify import canvas
from dashboard.classify.outlines import TEMPLATES
from vggcore.data.classes import CLASSES
from vggcore.pictures import strokes

SCRIPT = (canvas._ASSETS / "canvas.js").read_text("utf-8")
PAGE = (canvas._ASSETS / "canvas.html").read_text("utf-8")


def constant(name: str) -> int:
    return int(re.search(rf"const {name} = (\d+)", SCRIPT)[1])


def test_the_browser_keeps_within_the_limits_that_the_server_checks():
    assert constant("SIDE") == strokes.CANVAS
    assert constant("MAX_STROKES") <= strokes.MAX_STROKES
    assert constant("MAX_POINTS") <= strokes.MAX_POINTS
    low, high = map(int, re.search(r'min="(\d+)" max="(\d+)"', PAGE).groups())
    assert strokes.MIN_SIZE <= low < high <= strokes.MAX_SIZE


def test_the_browser_offers_exactly_the_tools_that_python_draws():
    assert tuple(re.findall(r'data-tool="(\w+)"', PAGE)) == strokes.TOOLS


def test_every_class_has_a_template_that_is_a_valid_drawing_on_the_canvas():
    assert tuple(TEMPLATES) == CLASSES
    for lines in TEMPLATES.values():
        parsed = strokes.parse_strokes({"strokes": [{"points": points} for points in lines]})
        assert all(0 <= v <= strokes.CANVAS for stroke in parsed for p in stroke.points for v in p)
        assert strokes.render(parsed).min() == 0
