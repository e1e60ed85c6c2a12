"""Small charts as SVG text: shown at once, nothing to load. Text takes the page's colour."""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

from dashboard.shared import palette
from dashboard.shared.language import listed, tr

_WIDTH, _HEIGHT = 400, 210  # drawing units; the page scales them
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 14, 14, 40


class Point(NamedTuple):
    """A network on the chart of variants."""

    name: str
    x: float
    y: float
    colour: str
    beside: str = "above"  # where its label is: above or right


def scatter(points: Sequence[Point], x_title: str, y_title: str) -> str:
    """Points with their labels; both axes begin at 0."""
    across = _steps(max(point.x for point in points))
    down = _steps(max(point.y for point in points))

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + (_WIDTH - _LEFT - _RIGHT) * x / across[-1],
            _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * y / down[-1],
        )

    parts = [_axis_titles(x_title, y_title)]
    for value in across:
        x, _ = place(value, 0)
        parts += [_line(x, _TOP, x, _HEIGHT - _BOTTOM), _text(x, _HEIGHT - 24, f"{value:g}")]
    for value in down:
        _, y = place(0, value)
        parts += [
            _line(_LEFT, y, _WIDTH - _RIGHT, y),
            _text(_LEFT - 6, y + 4, f"{value:g}", "end"),
        ]
    shifts = {"right": (9, -5, "start"), "above": (0, -10, "middle")}
    for point in points:
        x, y = place(point.x, point.y)
        dx, dy, anchor = shifts[point.beside]
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{point.colour}"/>',
            _text(x + dx, y + dy, point.name, anchor),
        ]
    return _svg(
        parts,
        tr(
            "{y_title} against {x_title} of {names}",
            y_title=y_title,
            x_title=x_title,
            names=listed(p.name for p in points),
        ),
    )


def curves(lines: dict[str, list[tuple[float, float]]], alt: str) -> str:
    """Shares over epochs, one line each, on an axis from the lowest share to 100 %."""
    drawn = {name: line for name, line in lines.items() if line}
    ends = [x for line in drawn.values() for x, _ in line]
    low = min(y for line in drawn.values() for _, y in line)
    low = min(0.9, floor(low * 10) / 10)
    last = max(max(ends), 1)

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + (_WIDTH - _LEFT - _RIGHT) * x / last,
            _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - y) / (1 - low),
        )

    parts = []
    for step in range(3):
        share = low + (1 - low) * step / 2
        y = place(0, share)[1]
        parts += [
            _line(_LEFT, y, _WIDTH - _RIGHT, y),
            _text(_LEFT - 6, y + 4, f"{share:.0%}", "end"),
        ]
    parts.append(
        _text(_WIDTH - _RIGHT, _HEIGHT - 24, tr("epoch {number}", number=f"{last:g}"), "end")
    )
    for number, (name, line) in enumerate(drawn.items()):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in line))
        colour = palette.SERIES[number]
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5" '
            'stroke-linejoin="round"/>'
        )
        if len(line) == 1:
            x, y = place(*line[0])
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
        x, y = _LEFT + 110 * number, _HEIGHT - 6
        parts += [
            f'<rect x="{x}" y="{y - 6}" width="14" height="4" rx="2" fill="{colour}"/>',
            _text(x + 20, y, name, "start"),
        ]
    return _svg(parts, alt)


def _steps(most: float) -> list[float]:
    """Three or four evenly spaced round numbers, from 0 to above `most`."""
    step = 10.0 ** floor(log10(most))
    while most / step > 3:
        step *= 2.5 if f"{step:e}"[0] == "2" else 2
    return [step * number for number in range(ceil(most / step * 1.02) + 1)]


def _axis_titles(x_title: str, y_title: str) -> str:
    titles = _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 5, x_title)
    if y_title:
        middle = (_TOP + _HEIGHT - _BOTTOM) / 2
        titles += (
            f'<text x="10" y="{middle}" text-anchor="middle" transform="rotate(-90 10 {middle})" '
            f'font-size="12" fill="currentColor">{escape(y_title)}</text>'
        )
    return titles


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{palette.LINES}"/>'
    )


def _text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="12" '
        f'fill="currentColor">{escape(words)}</text>'
    )


def _svg(parts: list[str], alt: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(alt)}" '
        f'style="width:100%;height:auto;display:block" xmlns="http://www.w3.org/2000/svg">'
        f"{''.join(parts)}</svg>"
    )
