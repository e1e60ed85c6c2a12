"""Drawings as strokes: checked on arrival, then drawn by Python.

A drawing never passes through an image decoder. The canvas in the browser, the command line
(`classify --strokes`), the training data and the tests all hand strokes to the same `render`.

Two formats are read:

* the canvas's own, whose coordinates run from 0 to `canvas` (256 unless said otherwise):
  `{"canvas": 256, "strokes": [{"tool": "brush", "size": 8, "points": [[x, y], …]}, …]}`
* Quick, Draw!'s, in any units, which is fitted onto the canvas:
  `{"drawing": [[[x, …], [y, …]], …]}`, or that list of strokes alone, or one stroke alone.
"""

import math
from bisect import bisect_left, bisect_right
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from vggcore.machine.files import parse_json
from vggcore.machine.messages import Message

CANVAS = 256.0  # side of the canvas in its own units; points and brush sizes are in these
TOOLS = ("brush", "eraser", "shape", "fill")
MAX_STROKES = 400
MAX_POINTS = 20_000  # over all strokes of one drawing
MAX_JSON_BYTES = 1_000_000
MIN_SIZE, MAX_SIZE = 1.0, 64.0
DEFAULT_SIZE = 6.0
FIT_MARGIN = 20.0  # free space around a fitted Quick, Draw! drawing

_FAR = 2.0  # points may lie outside by this many canvas sides: a pointer held down can leave it
_NUMBER = (int, float)
_PAPER, _INK = 255, 0


class StrokeError(ValueError):
    """A drawing that cannot be used; the message is one line for people."""


class Stroke(NamedTuple):
    """One movement of a tool.

    `brush` inks along `points`, `eraser` clears along them, `shape` fills the polygon they
    enclose, and `fill` floods from the first point up to the surrounding ink.
    """

    points: tuple[tuple[float, float], ...]  # x to the right and y downwards, canvas units
    size: float = DEFAULT_SIZE  # thickness of brush and eraser, canvas units
    tool: str = "brush"


def parse_strokes(value) -> list[Stroke]:
    """Checked strokes from JSON text, or from the decoded value, in either format.

    An empty drawing gives an empty list. Raises StrokeError for anything else that is not a
    drawing: wrong types, too many strokes or points, numbers that are not finite or out of range.
    """
    if isinstance(value, (str, bytes)):
        value = _decode(value)
    if isinstance(value, dict):
        if "drawing" in value:
            return _fitted(_quick_draw_strokes(value["drawing"]))
        if "strokes" not in value:
            raise StrokeError(Message("a drawing needs 'strokes' or 'drawing'"))
        strokes = _list(value["strokes"], "strokes")
        if any(isinstance(stroke, dict) for stroke in strokes):
            return _canvas_strokes(strokes, value.get("canvas", CANVAS))
        return _fitted(_quick_draw_strokes(strokes))
    if isinstance(value, list):
        return _fitted(_quick_draw_strokes(value))
    raise StrokeError(
        Message("a drawing must be an object or a list, not {type}", type=type(value).__name__)
    )


def _decode(text: str | bytes):
    if len(text) > MAX_JSON_BYTES:
        raise StrokeError(
            Message("the drawing is larger than {limit} MB", limit=MAX_JSON_BYTES // 1_000_000)
        )
    try:
        return parse_json(text)
    except ValueError:  # not JSON, not UTF-8, or nested too deeply
        raise StrokeError(Message("the drawing is not valid JSON")) from None


def _list(value, name: str, limit: int = MAX_STROKES) -> list:
    if not isinstance(value, list):
        raise StrokeError(
            Message("{name} must be a list, not {type}", name=name, type=type(value).__name__)
        )
    if len(value) > limit:
        raise StrokeError(
            Message(
                "{name}: {count} are too many, at most {limit}",
                name=name,
                count=len(value),
                limit=limit,
            )
        )
    return value


def _number(value, name: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, _NUMBER):
        raise StrokeError(
            Message("{name} must be a number, not {type}", name=name, type=type(value).__name__)
        )
    if not low <= value <= high:  # also refuses NaN, which compares false
        raise StrokeError(
            Message("{name} is out of range: {low:g} to {high:g}", name=name, low=low, high=high)
        )
    return float(value)


def _canvas_strokes(strokes: list, canvas) -> list[Stroke]:
    canvas = _number(canvas, "canvas", 16, 10_000)
    scale = CANVAS / canvas
    result, total = [], 0
    for stroke in strokes:
        if not isinstance(stroke, dict):
            raise StrokeError(Message("every stroke must be an object"))
        tool = stroke.get("tool", "brush")
        if tool not in TOOLS:
            raise StrokeError(
                Message("unknown tool: choose one of {tools}", tools=", ".join(TOOLS))
            )
        size = _number(stroke.get("size", DEFAULT_SIZE / scale), "size", 0, canvas) * scale
        pairs = _list(stroke.get("points"), "points", MAX_POINTS)
        total = _counted(total, len(pairs))
        points = _points(pairs, -_FAR * canvas, (1 + _FAR) * canvas)
        scaled = tuple((x * scale, y * scale) for x, y in points)
        if scaled:
            result.append(Stroke(scaled, min(max(size, MIN_SIZE), MAX_SIZE), tool))
    return result


def _points(pairs: list, low: float, high: float) -> list[tuple[float, float]]:
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise StrokeError(Message("every point must be a pair [x, y]"))
    return [(_number(x, "x", low, high), _number(y, "y", low, high)) for x, y in pairs]


def _counted(total: int, more: int) -> int:
    if total + more > MAX_POINTS:
        raise StrokeError(
            Message("the drawing has too many points, at most {limit}", limit=MAX_POINTS)
        )
    return total + more


def _quick_draw_strokes(strokes) -> list[list[tuple[float, float]]]:
    """Each stroke's points, from `[[x, …], [y, …]]` (a third list, times, is skipped).

    A stroke written as points `[[x, y], …]` is read too, where that is unambiguous.
    """
    strokes = _list(strokes, "drawing", MAX_POINTS)
    if strokes and _is_rows(strokes):
        strokes = [strokes]
    _list(strokes, "strokes")
    result, total = [], 0
    for stroke in strokes:
        rows = _list(stroke, "a stroke", MAX_POINTS)
        if not _is_rows(rows):
            pairs = rows
        elif len(rows[0]) != len(rows[1]):
            raise StrokeError(Message("a stroke has more x than y, or the other way round"))
        else:
            pairs = [list(pair) for pair in zip(rows[0], rows[1], strict=True)]
        total = _counted(total, len(pairs))
        result.append(_points(pairs, -1e6, 1e6))
    return [points for points in result if points]


def _is_rows(value: list) -> bool:
    """Whether this is one stroke: two or three lists of numbers, x and y (and time)."""
    return len(value) in (2, 3) and all(
        isinstance(row, list) and all(isinstance(v, _NUMBER) for v in row) for row in value
    )


def _fitted(strokes: list[list[tuple[float, float]]]) -> list[Stroke]:
    """Scaled evenly and centred on the canvas, with a margin."""
    if not strokes:
        return []
    every = np.array([point for points in strokes for point in points])
    low, high = every.min(axis=0), every.max(axis=0)
    scale = (CANVAS - 2 * FIT_MARGIN) / max((high - low).max(), 1e-9)
    if not math.isfinite(scale) or scale > 1e6:  # all points coincide: leave the size alone
        scale = 1.0
    shift = CANVAS / 2 - (low + high) / 2 * scale
    return [
        Stroke(tuple((float(x), float(y)) for x, y in np.array(points) * scale + shift))
        for points in strokes
    ]


def render(strokes: list[Stroke], size: int = 256) -> np.ndarray:
    """The drawing as dark ink on white paper, anti-aliased: uint8 [size, size]."""
    factor = max(2, math.ceil(512 / size))
    image = Image.new("L", (size * factor, size * factor), _PAPER)
    for stroke in strokes:
        _draw(image, stroke, size * factor / CANVAS)
    return np.array(image.reduce(factor))


def _draw(image: Image.Image, stroke: Stroke, scale: float) -> None:
    points = [(x * scale, y * scale) for x, y in stroke.points]
    if stroke.tool == "fill":
        _flood(image, points[0])
        return
    draw = ImageDraw.Draw(image)
    if stroke.tool == "shape" and len(points) > 2:
        draw.polygon(points, fill=_INK)
        points = [*points, points[0]]
    ink = _PAPER if stroke.tool == "eraser" else _INK
    width = max(1, round(stroke.size * scale))
    if len(points) > 1:
        draw.line(points, fill=ink, width=width)
    for x, y in points:  # round joints and ends, as in the browser
        draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=ink)


def _flood(image: Image.Image, start: tuple[float, float]) -> None:
    """Ink the free area around `start`, and a rim of one unit so that no seam is left.

    Goes from run to run: from one unbroken stretch of free pixels in a row to those touching it.
    """
    free = np.array(image) > 127
    x, y = int(start[0]), int(start[1])
    if not (0 <= x < image.width and 0 <= y < image.height and free[y, x]):
        return
    edges = np.diff(np.pad(free, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    starts, ends = ([np.flatnonzero(row == sign).tolist() for row in edges] for sign in (1, -1))
    reached = np.zeros_like(free)
    waiting, visited = [(y, bisect_right(starts[y], x) - 1)], set()
    while waiting:
        if (run := waiting.pop()) in visited:
            continue
        visited.add(run)
        row, number = run
        left, right = starts[row][number], ends[row][number]
        reached[row, left:right] = True
        for other in (row - 1, row + 1):
            if 0 <= other < image.height:  # the runs there that touch left … right
                first = bisect_right(ends[other], left)
                last = bisect_left(starts[other], right)
                waiting += ((other, touching) for touching in range(first, last))
    rim = reached.copy()
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        rim |= np.roll(reached, step, axis)
    image.paste(_INK, mask=Image.fromarray(rim))
