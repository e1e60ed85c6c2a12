"""Checking and drawing strokes."""

import json
import math
import time

import numpy as np
import pytest

from vggcore.pictures.strokes import (
    MAX_POINTS,
    MAX_STROKES,
    Stroke,
    StrokeError,
    parse_strokes,
    render,
)

SQUARE = ((60, 60), (200, 60), (200, 200), (60, 200), (60, 60))


def drawing(*points, **more):
    return {"canvas": 256, "strokes": [{"points": [list(p) for p in points], **more}]}


def test_our_format_keeps_tool_size_and_points():
    text = json.dumps(drawing((1, 2), (3.5, 4), tool="eraser", size=12))

    assert parse_strokes(text) == [Stroke(((1, 2), (3.5, 4)), 12, "eraser")]


def test_a_canvas_of_another_size_is_scaled():
    value = {"canvas": 512, "strokes": [{"points": [[512, 256]], "size": 16}]}

    assert parse_strokes(value) == [Stroke(((256, 128),), 8)]


@pytest.mark.parametrize(
    "value",
    [
        {"drawing": [[[0, 100], [0, 50]], [[100, 0], [50, 50]]]},
        {"drawing": [[[0, 100], [0, 50], [0, 9]], [[100, 0], [50, 50], [10, 20]]]},
        {"strokes": [[[0, 100], [0, 50]], [[100, 0], [50, 50]]]},
        [[[0, 100], [0, 50]], [[100, 0], [50, 50]]],
        '{"drawing": [[[0, 100], [0, 50]], [[100, 0], [50, 50]]]}',
    ],
    ids=["object", "with times", "as strokes", "list", "text"],
)
def test_quick_draw_lists_are_fitted_onto_the_canvas(value):
    first, second = parse_strokes(value)

    assert np.allclose(first.points, [(20, 74), (236, 182)])
    assert np.allclose(second.points, [(236, 182), (20, 182)])


def test_one_stroke_and_lists_of_points_are_read_too():
    one = parse_strokes([[0, 50, 100], [0, 50, 0]])
    pairs = parse_strokes([[[0, 0], [50, 50], [100, 0], [100, 100]]])

    assert len(one) == 1 and len(one[0].points) == 3
    assert len(pairs) == 1 and len(pairs[0].points) == 4


def test_an_empty_drawing_is_no_error():
    assert parse_strokes('{"strokes": []}') == parse_strokes({"drawing": []}) == []
    assert parse_strokes({"strokes": [{"points": []}]}) == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (5, "must be an object or a list"),
        (None, "must be an object or a list"),
        (True, "must be an object or a list"),
        ({}, "needs 'strokes'"),
        ("", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("9" * 5000, "not valid JSON"),
        ("x" * 100_000_000, "larger than"),
        (b"\xff\xfe\xfd", "not valid JSON"),
        ({"strokes": "abc"}, "strokes must be a list"),
        ({"strokes": [{"points": "abc"}]}, "points must be a list"),
        ({"strokes": [{"points": [[1]]}]}, "pair"),
        ({"strokes": [{"points": [["1", 2]]}]}, "x must be a number"),
        ({"strokes": [{"points": [[True, 2]]}]}, "x must be a number"),
        ({"strokes": [{"points": [[math.nan, 2]]}]}, "x is out of range"),
        ({"strokes": [{"points": [[1, math.inf]]}]}, "y is out of range"),
        ({"strokes": [{"points": [[1, 10**400]]}]}, "y is out of range"),
        ({"strokes": [{"points": [[1, -9999]]}]}, "y is out of range"),
        ({"strokes": [{"points": [[1, 2]], "size": math.nan}]}, "size is out of range"),
        ({"strokes": [{"points": [[1, 2]], "tool": "<script>"}]}, "unknown tool"),
        ({"strokes": [{"points": [[1, 2]], "tool": ["brush"]}]}, "unknown tool"),
        ({"canvas": 0, "strokes": [{"points": [[1, 2]]}]}, "canvas is out of range"),
        ({"strokes": [{"points": [[1, 2]]}, 7]}, "every stroke"),
        ({"strokes": [{"points": [[1, 2]]}] * (MAX_STROKES + 1)}, "too many"),
        ({"strokes": [{"points": [[1, 2]] * (MAX_POINTS + 1)}]}, "too many"),
        ({"strokes": [{"points": [[1, 2]] * 10_001}] * 2}, "too many points"),
        ({"drawing": [[[1, 2], [3]]]}, "more x than y"),
        ({"drawing": [[[1, math.nan], [3, 4]]]}, "out of range"),
        ({"drawing": {"a": 1}}, "must be a list"),
        ([[[1, 2], {"a": 1}]], "pair"),
    ],
)
def test_forged_drawings_are_refused_in_one_line(value, reason):
    with pytest.raises(StrokeError, match=reason) as refusal:
        parse_strokes(value)

    assert len(str(refusal.value)) < 120 and "\n" not in str(refusal.value)


def test_a_million_points_are_refused_at_once():
    value = {"strokes": [{"points": [[1, 2]] * 1_000_000}]}

    with pytest.raises(StrokeError, match="too many"):
        parse_strokes(value)


def test_rendering_is_dark_ink_on_white_paper():
    image = render([Stroke(((128, 40), (128, 216)), 8)])

    assert image.shape == (256, 256) and image.dtype == np.uint8
    assert image[128, 128] == 0 and image[128, 100] == 255 and image[20, 128] == 255
    assert (image[128] < 128).sum() == pytest.approx(8, abs=1)


def test_no_strokes_leave_the_paper_white():
    assert render([]).min() == 255


def test_the_same_drawing_at_other_sizes_covers_the_same_share():
    strokes = [Stroke(SQUARE, 10)]

    shares = [1 - render(strokes, size).mean() / 255 for size in (28, 64, 200, 700)]

    assert shares == pytest.approx([shares[2]] * 4, rel=0.03)


def test_a_shape_is_filled_and_an_eraser_clears():
    filled = render([Stroke(SQUARE, 4, "shape")])
    erased = render([Stroke(SQUARE, 4, "shape"), Stroke(((0, 128), (256, 128)), 20, "eraser")])

    assert filled[128, 128] == 0 and filled[30, 30] == 255
    assert erased[128, 128] == 255 and erased[160, 128] == 0


def test_fill_inks_what_is_enclosed_and_only_that():
    image = render([Stroke(SQUARE, 4), Stroke(((128, 128),), 4, "fill")])

    assert image[62:198, 62:198].max() == 0
    assert image[:55].min() == 255 and image[205:].min() == 255


def test_fill_follows_a_winding_way():
    walls = [
        Stroke(((x, 0), (x, 230)) if i % 2 else ((x, 26), (x, 256)), 6)
        for i, x in enumerate(range(32, 256, 32))
    ]

    image = render([*walls, Stroke(((4, 4),), 4, "fill")])

    assert image.mean() < 3  # it reached the far end


def hilbert(order: int) -> np.ndarray:
    """The points of a Hilbert curve, which turns at every one of them: [4^order, 2] in 0…1."""
    if not order:
        return np.array([[0.5, 0.5]])
    part = hilbert(order - 1) / 2
    turned, far = part[:, ::-1], np.array([0.5, 0.5])
    return np.vstack([turned, part + [0, 0.5], part + 0.5, far[::-1] * [2, 1] - turned])


def test_fill_finds_its_way_through_a_maze_at_once():
    maze = hilbert(6) * 256
    frame = ((0, 0), (256, 0), (256, 256), (0, 256))
    drawing = [Stroke(frame, 4, "shape"), Stroke(tuple(map(tuple, maze)), 2, "eraser")]
    started = time.process_time()

    open_ways, filled = render(drawing), render([*drawing, Stroke((tuple(maze[0]),), 4, "fill")])

    assert (open_ways > 127).mean() > 0.3 and (filled > 127).mean() < 0.001
    assert time.process_time() - started < 5  # sweep by sweep, it would take a minute


def test_fill_outside_or_on_ink_changes_nothing():
    square = Stroke(SQUARE, 8)

    on_ink = render([square, Stroke(((60, 100),), 4, "fill")])
    outside = render([square, Stroke(((-50, 100),), 4, "fill")])

    assert np.array_equal(on_ink, render([square])) and np.array_equal(outside, render([square]))
