"""The Classify page in a real browser."""

import json
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from drawing import SQUARE, action, draw, draw_with_finger, recorded, tool
from harness import PHONE, running_app, settle, visit
from picture_files import ALLOWED, REFUSED, encoded
from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from vggcore.machine import paths
from vggcore.pictures.strokes import parse_strokes, render

pytestmark = pytest.mark.browser


def status(page):
    return page.locator(".canvas .status")


def answer(page):
    return page.locator(".answer")


def files(pictures: dict[str, bytes]) -> list[dict]:
    return [
        {"name": name, "mimeType": "image/png", "buffer": data} for name, data in pictures.items()
    ]


@pytest.mark.garments
def test_t_shirts_that_people_drew_are_seen_as_t_shirts(open_page):
    page = open_page("classify")
    seen = []

    for drawing in recorded("t-shirt_top", "t-shirt.ndjson", 3):
        action(page, "clear") if seen else None
        expect(answer(page)).to_have_count(0)
        for stroke in drawing:
            draw(page, stroke.points[::3] + stroke.points[-1:])
        count = len(drawing)
        expect(status(page)).to_have_text("1 stroke" if count == 1 else f"{count} strokes")
        expect(answer(page)).to_be_visible()
        page.wait_for_timeout(1500)  # the last stroke's answer may replace an earlier one
        settle(page)
        seen.append(answer(page).inner_text())

    # Some have a collar: of all 29, 23 are named T-shirt/top and 6 Shirt.
    assert all("T-shirt/top" in text for text in seen), seen


def test_a_finger_draws_too(open_page):
    page = open_page("classify", **PHONE)

    draw_with_finger(page, SQUARE)

    expect(status(page)).to_have_text("1 stroke")
    expect(answer(page)).to_be_visible()
    expect(page.locator(".verdict")).to_have_text(re.compile(r"Unsure|\d%"))


def test_undo_redo_and_clear(open_page):
    page = open_page("classify")
    draw(page, SQUARE)
    draw(page, [(80, 100), (180, 100)])
    expect(status(page)).to_have_text("2 strokes")

    for name, text in [
        ("undo", "1 stroke"),
        ("redo", "2 strokes"),
        ("clear", "Empty"),
        ("undo", "2 strokes"),
        ("redo", "Empty"),
    ]:
        action(page, name)
        expect(status(page)).to_have_text(text)

    expect(page.get_by_text("Draw a garment: its outline")).to_be_visible()
    expect(answer(page)).to_have_count(0)


def test_the_keyboard_draws_chooses_tools_and_undoes(open_page):
    page = open_page("classify")
    page.locator("canvas").focus()

    for key in ["Space", *["ArrowRight"] * 8, *["ArrowDown"] * 8, "Space"]:
        page.keyboard.press(key)
    expect(status(page)).to_have_text("Pen up.")
    expect(answer(page)).to_be_visible()
    page.keyboard.press("e")
    expect(page.locator("[data-tool=eraser]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Control+z")
    expect(status(page)).to_have_text("Empty")
    page.keyboard.press("Control+Shift+z")

    expect(status(page)).to_have_text("1 stroke")


def test_the_browser_shows_what_python_draws(open_page):
    page = open_page("classify")
    tool(page, "shape")
    draw(page, [(40, 40), (216, 40), (128, 120)])
    tool(page, "brush")
    draw(page, [(60, 130), (200, 130), (200, 230), (60, 230), (60, 130)])
    tool(page, "fill")
    draw(page, [(130, 180)])
    tool(page, "eraser")
    draw(page, [(60, 60), (200, 60)])
    expect(status(page)).to_have_text("4 strokes")

    ink = page.locator("canvas").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        ".filter((_, i) => i % 4 == 3)"
    )
    side = round(len(ink) ** 0.5)
    drawn = np.array(ink, np.float32).reshape(side, side)
    strokes = [
        {"tool": "shape", "size": 8, "points": [[40, 40], [216, 40], [128, 120]]},
        {"size": 8, "points": [[60, 130], [200, 130], [200, 230], [60, 230], [60, 130]]},
        {"tool": "fill", "points": [[130, 180]]},
        {"tool": "eraser", "size": 8, "points": [[60, 60], [200, 60]]},
    ]
    expected = 255 - render(parse_strokes({"strokes": strokes}), side).astype(np.float32)
    assert np.abs(drawn - expected).mean() < 4  # of 255: edges may differ by a pixel
    assert expected.mean() > 40


def test_a_template_can_be_traced_and_inked(open_page):
    page = open_page("classify")

    page.get_by_label("Faint outline to trace").select_option("Trouser")
    expect(status(page)).to_have_text("")
    action(page, "ink")

    expect(status(page)).to_have_text("2 strokes")
    expect(answer(page)).to_be_visible()


def test_a_drawing_is_still_there_after_a_look_at_another_page(open_page):
    page = open_page("classify")
    draw(page, SQUARE)
    expect(answer(page)).to_be_visible()
    before = answer(page).inner_text()

    page.get_by_role("link", name="Overview").first.click()
    expect(page.get_by_role("heading", name="VGG networks on clothing")).to_be_visible()
    page.get_by_role("link", name="Classify").first.click()

    expect(answer(page)).to_have_text(before.replace("\n", ""))
    draw(page, [(80, 100), (180, 100)])
    expect(status(page)).to_have_text("2 strokes")


def test_every_allowed_picture_can_be_uploaded(open_page):
    page = open_page("classify?source=Upload")
    left_out = ("garment.gif", "one-bit.png")  # only twelve are looked at
    allowed = {name: data for name, data in ALLOWED.items() if name not in left_out}

    page.locator("input[type=file]").set_input_files(files(allowed))

    expect(answer(page)).to_have_count(12)
    expect(page.get_by_text("network input")).to_have_count(12)
    settle(page)
    assert page.get_by_test_id("stAlert").count() == 0


def two_garments() -> dict[str, bytes]:
    """A red square above a blue bar on a light background."""
    picture = np.full((300, 240, 3), 235, np.uint8)
    picture[20:110, 60:180] = (190, 30, 30)
    picture[140:280, 95:145] = (30, 40, 140)
    return {"two.png": encoded(Image.fromarray(picture), "PNG")}


def probabilities(page) -> str:
    """The bars of the answer, as text: other pixels give other numbers."""
    return page.locator(".answer + ol").inner_text()


def test_a_box_says_which_garment_is_meant(open_page):
    page = open_page("classify?source=Upload")
    page.locator("input[type=file]").set_input_files(files(two_garments()))
    expect(answer(page)).to_have_count(1)
    stage = page.locator(".stage")
    expect(page.get_by_text("Drag a box around")).to_be_visible()
    settle(page)
    whole = probabilities(page)
    area = stage.bounding_box()

    def at(x: float, y: float) -> tuple[float, float]:
        return area["x"] + x * area["width"], area["y"] + y * area["height"]

    page.mouse.move(*at(0.2, 0.02))
    page.mouse.down()
    page.mouse.move(*at(0.8, 0.42), steps=4)
    page.mouse.up()
    expect(page.get_by_text("This answer is for your box.")).to_be_visible()
    settle(page)
    boxed = probabilities(page)
    assert boxed != whole
    page.get_by_role("button", name="Show the whole picture").click()
    expect(page.get_by_text("This answer is for your box.")).to_be_hidden()
    settle(page)
    assert probabilities(page) == whole


def test_the_keyboard_alone_draws_moves_and_drops_a_box(open_page):
    page = open_page("classify?source=Upload")
    page.locator("input[type=file]").set_input_files(files(two_garments()))
    expect(page.get_by_text("Drag a box around")).to_be_visible()
    settle(page)
    page.locator(".stage").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("This answer is for your box.")).to_be_visible()
    before = page.locator(".box").get_attribute("style")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(".box")).not_to_have_attribute("style", before)
    assert "width: 54%" in page.locator(".box").get_attribute("style")
    page.keyboard.press("Escape")
    expect(page.get_by_text("This answer is for your box.")).to_be_hidden()
    expect(page.locator(".box")).to_be_hidden()


def development_photo(name: str) -> dict[str, bytes]:
    """A photo that no training of `wild` has seen: one of the tenth that is held out."""
    return {"photo.jpg": (paths.data_dir() / "garments-dev" / "photos" / name).read_bytes()}


@pytest.mark.garments
def test_a_person_wears_several_garments_and_the_upper_one_can_be_meant(open_page):
    page = open_page("classify?source=Upload")
    page.locator("input[type=file]").set_input_files(
        files(development_photo("street-worn/shirt/0817_shirt.jpg"))
    )
    expect(page.get_by_text("Which garment do you mean?")).to_be_visible()
    expect(page.get_by_text("This answer is for: whole picture.")).to_be_visible()

    # By keyboard alone: a focused button responds to Enter.
    page.get_by_role("button", name="Upper body").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_text("This answer is for: upper body.")).to_be_visible()
    # The classes that the table of corrected labels accepts for this photo.
    expect(answer(page)).to_have_text(re.compile("(Shirt|Pullover|Coat).*% sure"))


@pytest.mark.garments
def test_sandals_on_a_wooden_floor_are_sandals(open_page):
    page = open_page("classify?source=Upload")
    name = "clothing-small/sandal/b00f4c40-c1b2-4fcb-9380-12b1134cd3ed.jpg"
    page.locator("input[type=file]").set_input_files(files(development_photo(name)))
    expect(answer(page)).to_have_text(re.compile("Sandal.*9[0-9][.0-9]*% sure"))


def white_t_shirt_on_white() -> bytes:
    """Grey 240 on a background of 252, with the faint seams and folds that a photo shows."""
    outline = [(120, 60), (165, 50), (200, 72), (235, 50), (280, 60), (360, 130), (318, 180)]
    outline += [(280, 150), (280, 350), (120, 350), (120, 150), (82, 180), (40, 130)]
    picture = Image.new("L", (400, 400), 252)
    pen = ImageDraw.Draw(picture)
    pen.polygon(outline, fill=240)
    pen.line(outline + outline[:1], fill=222, width=4)
    pen.arc((160, 30, 240, 90), 20, 160, fill=215, width=5)
    for x in (160, 215, 250):
        pen.line((x, 200, x - 8, 340), fill=231, width=6)
    return encoded(picture.filter(ImageFilter.GaussianBlur(1.5)).convert("RGB"), "PNG")


def test_a_white_t_shirt_on_a_white_background_is_not_lost(open_page):
    page = open_page("classify?source=Upload")
    page.locator("input[type=file]").set_input_files(files({"white.png": white_t_shirt_on_white()}))
    expect(answer(page)).to_have_text(re.compile("T-shirt/top.*% sure"))


def test_refused_pictures_get_a_reason(open_page):
    page = open_page("classify?source=Upload")

    page.locator("input[type=file]").set_input_files(
        files({name: data for name, (data, _) in REFUSED.items() if data})
    )

    for name, (data, reason) in REFUSED.items():
        if data:  # browsers do not send empty files
            expect(page.get_by_text(re.compile(f"{name}: .*{reason}"))).to_be_visible()
    assert answer(page).count() == 0


def test_a_picture_can_be_pasted_and_removed(open_page):
    page = open_page("classify?source=Paste")
    expect(page.get_by_role("button", name="Paste a picture")).to_be_enabled()

    page.evaluate(
        """bytes => {
            const clipboard = new DataTransfer()
            const file = new File([new Uint8Array(bytes)], "a.png", { type: "image/png" })
            clipboard.items.add(file)
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: clipboard }))
        }""",
        list(ALLOWED["garment.png"]),
    )
    expect(answer(page)).to_be_visible()
    page.get_by_role("button", name="Remove it").click()

    expect(answer(page)).to_have_count(0)


def test_the_camera_takes_a_photo(open_page):
    page = open_page("classify?source=Camera", permissions=["camera"])

    # The button takes no photo until the camera shows something.
    page.wait_for_function("document.querySelector('video')?.readyState === 4")
    page.get_by_role("button", name="Take Photo").click()

    expect(answer(page)).to_be_visible()
    expect(page.get_by_text("Your photo")).to_be_visible()


@pytest.mark.parametrize("look", [{"viewport": {"width": 1366, "height": 768}}, PHONE])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_canvas_tools_and_answer_are_in_sight_together(open_page, look, language):
    page = open_page(f"classify?lang={language}", **look)
    draw(page, SQUARE)

    for seen in (page.locator(".tools"), page.locator(".actions"), page.locator(".answer")):
        expect(seen).to_be_in_viewport(ratio=1)


def test_a_phone_shows_everything_without_scrolling_sideways(open_page):
    page = open_page("classify", **PHONE)
    draw_with_finger(page, SQUARE)
    expect(answer(page)).to_be_visible()

    widths = page.evaluate(
        "() => [document.documentElement.scrollWidth, window.innerWidth,"
        " document.querySelector('[data-testid=stMain]').scrollWidth]"
    )

    assert max(widths) <= 390
    assert page.locator("canvas").bounding_box()["width"] >= 280
    for button in page.locator(".canvas button").all():
        assert button.bounding_box()["height"] >= 40  # a finger's width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ink_stands_out_from_paper_in_both_themes(open_page, scheme):
    page = open_page("classify", color_scheme=scheme)

    ink, paper = page.locator("canvas").evaluate(
        "c => [getComputedStyle(c.closest('.canvas')).color, getComputedStyle(c).backgroundColor]"
    )

    brightness = [
        np.mean([int(v) for v in re.findall(r"\d+", colour)[:3]]) for colour in (ink, paper)
    ]
    assert abs(brightness[0] - brightness[1]) > 150
    assert (brightness[1] > 128) == (scheme == "light")


FORGED = {
    "a number": 5,
    "null in a list": [None],
    "a deep nest": "[" * 100_000,
    "a million points": {"strokes": [{"points": [[1, 2]] * 60_000}]},
    "not a number": {"strokes": [{"points": [[float("nan"), 1]]}]},
    "html": {"strokes": [{"tool": "<img src=x onerror=alert(1)>", "points": [[1, 1]]}]},
}


def forge(page, value: dict) -> None:
    """From now on, what the canvas sends arrives at the server as `value["json"]`."""

    def meddle(browser_side):
        server_side = browser_side.connect_to_server()

        def forward(message):
            parsed = BackMsg.FromString(message)
            for widget in parsed.rerun_script.widget_states.widgets:
                if widget.id.endswith("-canvas") and "strokes" in widget.json_value:
                    widget.json_value = value["json"]
            server_side.send(parsed.SerializeToString())

        browser_side.on_message(forward)

    page.route_web_socket("**/_stcore/stream", meddle)


def test_forged_drawings_get_a_message(app, open_page):
    value = {}
    page = open_page("classify", prepare=lambda page: forge(page, value))

    for name, drawing in FORGED.items():
        value["json"] = json.dumps({"drawing": drawing})
        draw(page, SQUARE)
        expect(page.get_by_text("This drawing cannot be used")).to_be_visible()
        assert answer(page).count() == 0 and not app.tracebacks(), name
        value["json"] = json.dumps({"drawing": ""})
        draw(page, SQUARE)
        expect(page.get_by_text("Draw a garment: its outline")).to_be_visible()


def test_a_drawing_above_the_servers_limit_is_refused_and_the_server_lives(app, open_page):
    """5 MB here, where 2 MB are allowed; `test_strokes` sends 100 MB to `parse_strokes`."""
    value = {}
    page = open_page("classify", prepare=lambda page: forge(page, value))

    value["json"] = json.dumps({"drawing": "x" * 5_000_000})
    draw(page, SQUARE)
    page.wait_for_timeout(3000)

    assert answer(page).count() == 0 and not app.tracebacks()
    other = open_page("classify")
    draw(other, SQUARE)
    expect(answer(other)).to_be_visible()


def test_nothing_of_a_visitor_is_kept_or_seen_by_another(browser, tmp_path, monkeypatch):
    temporary, runs = tmp_path / "tmp", tmp_path / "runs"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)  # so that the new TMPDIR counts, here alone
    large = encoded(Image.effect_noise((1200, 1200), 90), "PNG")
    assert len(large) > 1_000_000

    with running_app(runs) as app:
        open_before = _open_files(app.pid)
        with visit(browser, app, "classify?source=Upload") as page:
            page.locator("input[type=file]").set_input_files(files({"large.png": large}))
            expect(answer(page)).to_be_visible()
            opened = _open_files(app.pid) - open_before
            with visit(browser, app, "classify") as other:
                assert answer(other).count() == 0
        written = [f for f in tmp_path.rglob("*") if f.is_file() and not f.name.endswith(".log")]

    assert not written
    assert not [file for file in opened if str(tmp_path) in file]


def _open_files(pid: int) -> set[str]:
    """Paths of a process's open files, deleted ones included."""
    names = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            names.add(str(link.readlink()))
        except FileNotFoundError:  # closed in the meantime
            continue
    return names


def test_a_rotated_photo_is_shown_upright(open_page):
    page = open_page("classify?source=Upload")
    page.locator("input[type=file]").set_input_files(files({"a.jpg": ALLOWED["rotated.jpg"]}))
    expect(answer(page)).to_be_visible()

    width, height = page.locator("figure img").first.evaluate(
        "i => [i.naturalWidth, i.naturalHeight]"
    )

    assert width < height
