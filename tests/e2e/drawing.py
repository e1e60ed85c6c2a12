"""Drawing on the canvas of the Classify page as a visitor does, with mouse or finger."""

import json

from vggcore.machine import paths
from vggcore.pictures.strokes import Stroke, parse_strokes

SQUARE = [[60, 60], [200, 60], [200, 200], [60, 200], [60, 60]]


def recorded(folder: str, file: str, count: int) -> list[list[Stroke]]:
    """The first `count` drawings that people made of a thing, in canvas units."""
    place = paths.data_dir() / "garments-dev" / "sketches" / "quickdraw-strokes" / folder / file
    lines = place.read_text().splitlines()[:count]
    return [parse_strokes(json.loads(line)) for line in lines]


def on_screen(page, points) -> list[tuple[float, float]]:
    """Canvas units to pixels of the visible page."""
    canvas = page.locator(".canvas canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    scale = box["width"] / 256
    return [(box["x"] + x * scale, box["y"] + y * scale) for x, y in points]


def draw(page, points) -> None:
    """One stroke with the mouse."""
    first, *others = on_screen(page, points)
    page.mouse.move(*first)
    page.mouse.down()
    for point in others:
        page.mouse.move(*point)
    page.mouse.up()


def draw_with_finger(page, points) -> None:
    """One stroke by touch, through Chromium's own input events."""
    session = page.context.new_cdp_session(page)
    places = on_screen(page, points)
    for number, (x, y) in enumerate(places):
        kind = "touchStart" if number == 0 else "touchMove"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def tool(page, name: str) -> None:
    page.locator(f"[data-tool={name}]").click()


def action(page, name: str) -> None:
    page.locator(f"[data-action={name}]").click()
