"""Whole visits, as a newcomer, a learner, a teacher and a keyboard user make them.

An error in the browser's console, an exception on a page or a server traceback fails the test.
"""

import json
import re
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from drawing import SQUARE, draw
from harness import PHONE, choose, settle
from picture_files import ALLOWED
from playwright.sync_api import expect
from test_train_e2e import PATIENCE, start_small_run, wait_for_state
from untrained import save_untrained

from vggcore.answers import results

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PAGES = ("overview", "learn", "compare", "train", "classify", "results", "pictures", "machine")


def opened(path: str, network: str) -> str:
    """The path to open for a page's name."""
    return {"overview": "", "results": f"results?network={network}"}.get(path, path)


def go(page, title: str) -> None:
    """Go to another page by the menu, as visitors do."""
    link = page.get_by_role("navigation").get_by_role("link", name=title)
    path = urlsplit(link.get_attribute("href")).path
    link.click()
    page.wait_for_url(lambda url: urlsplit(url).path == path)  # the address changes a little later
    settle(page)


def address(page) -> str:
    """The page's URL without the server: what a teacher would send and a student would open."""
    parts = urlsplit(page.url)
    return f"{parts.path.lstrip('/')}?{parts.query}"


def test_the_menu_of_a_phone_closes_when_a_page_is_chosen_and_stays_closed(open_page):
    page = open_page("compare", **PHONE)
    close = page.get_by_test_id("stSidebarCollapseButton")

    page.get_by_test_id("stExpandSidebarButton").click()
    expect(page.get_by_role("button", name="中文")).to_be_hidden()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Train").click()
    expect(close).to_have_count(0)
    page.wait_for_url("**/train")
    settle(page)

    page.get_by_test_id("stExpandSidebarButton").click()
    expect(close).to_be_visible()
    page.reload()
    settle(page)
    expect(page.get_by_test_id("stExpandSidebarButton")).to_be_visible()


def test_the_table_of_runs_fits_a_phone_and_its_toolbar_covers_nothing(app, open_page):
    (app.runs / "fits").mkdir(parents=True)
    (app.runs / "fits" / "config.json").write_text('{"name": "fits", "spec": {}, "train": {}}')

    for look, columns in ((PHONE, 4), ({}, 12)):
        page = open_page("train", **look)
        table = page.get_by_test_id("stDataFrame")
        expect(table.locator("canvas").first).to_be_visible()
        expect(table.locator("table")).to_have_attribute("aria-colcount", str(columns))
        table.hover()
        toolbar = page.get_by_test_id("stElementToolbar")
        if look:
            expect(toolbar).to_be_hidden()
        else:
            pills = page.get_by_test_id("stButtonGroup").last.bounding_box()
            assert toolbar.bounding_box()["y"] > pills["y"] + pills["height"]


CATCH_COPIES = "navigator.clipboard.writeText = async (text) => { window.copied = text; }"


@pytest.mark.parametrize(
    ("path", "copied"),
    [
        ("compare?classes=20", "classes=20"),
        ("results?section=Cost", "section=Cost"),
        ("train?run=copied", "run=copied"),
        ("classify?source=Sample&sample-class=Bag", "network=wild&sample-number=0"),
    ],
)
def test_a_copied_link_leads_to_what_is_shown(app, open_page, path, copied):
    (app.runs / "copied").mkdir(parents=True, exist_ok=True)
    (app.runs / "copied" / "config.json").write_text('{"name": "copied", "spec": {}, "train": {}}')
    page = open_page(path, prepare=lambda page: page.add_init_script(CATCH_COPIES))

    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Link copied")).to_be_visible()
    assert copied in page.evaluate("window.copied")


def test_a_newcomer_compares_draws_and_uploads(open_page):
    page = open_page()
    page.get_by_role("link", name="Compare all variants").click()
    settle(page)
    expect(page.get_by_test_id("stPlotlyChart").first).to_be_visible()

    go(page, "Classify")
    draw(page, SQUARE)
    expect(page.locator(".answer")).to_be_visible()
    page.get_by_text("Upload", exact=True).click()
    settle(page)
    page.locator("input[type=file]").set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": ALLOWED["garment.png"]}
    )
    expect(page.get_by_text("network input")).to_be_visible()


def test_a_learner_trains_leaves_returns_and_uses_the_result(open_page):
    # Stopping and resuming on the way are in test_train_e2e.py.
    page = open_page("train")
    start_small_run(page, "first-try", epochs=1)
    go(page, "Overview")

    go(page, "Train")
    page.goto(f"{page.url.split('?')[0]}?run=first-try")
    settle(page)
    wait_for_state(page, "finished")

    page.get_by_role("link", name="Open in Classify").click()
    settle(page)
    expect(page.get_by_role("combobox", name="Network")).to_have_value("first-try")
    draw(page, SQUARE)
    expect(page.locator(".answer")).to_be_visible()
    page.goto(f"{page.url.split('/classify')[0]}/results?network=first-try")
    settle(page)
    expect(page.get_by_test_id("stMetric").first).to_contain_text("%", timeout=PATIENCE)


@pytest.fixture
def network(app) -> str:
    """A run whose network is judged on 500 drawn garments, so that Results has it at once."""
    folder = app.runs / "shared"
    save_untrained(folder, "best")
    card = json.loads((folder / "best.json").read_text()) | {"data": {"name": "synthetic"}}
    (folder / "best.json").write_text(json.dumps(card))
    (folder / "config.json").write_text('{"name": "shared", "spec": {}, "train": {}}')
    (folder / "status.json").write_text('{"state": "finished"}')
    return folder.name


def test_a_teacher_shares_what_is_on_the_screen(open_page, network):
    page = open_page(f"results?network={network}&section=Confusion")
    page.get_by_role("combobox", name="Taken for").wait_for(timeout=PATIENCE)
    choose(page, "True class", "Bag")
    choose(page, "Taken for", "Shirt")
    heading = page.get_by_text(re.compile("pictures: Bag taken for Shirt")).inner_text()
    expect(page).to_have_url(re.compile("cell-is=Bag&cell-taken-for=Shirt"))

    other = open_page(address(page))

    expect(other.get_by_text(heading)).to_be_visible(timeout=PATIENCE)
    expect(other.get_by_role("combobox", name="True class")).to_have_value("Bag")


@pytest.mark.parametrize("look", [{}, PHONE], ids=["mouse", "phone"])
def test_a_click_or_a_tap_on_a_cell_shows_its_pictures(open_page, network, look):
    page = open_page(f"results?network={network}&section=Confusion", **look)
    page.locator(".js-plotly-plot").wait_for(timeout=PATIENCE)
    cell = page.locator(".scatterlayer .trace").first.locator(".point").nth(99)  # Ankle boot

    cell.scroll_into_view_if_needed()
    box = cell.bounding_box()
    press = page.touchscreen.tap if look else page.mouse.click
    press(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    expect(page.get_by_text(re.compile("pictures: Ankle boot named correctly"))).to_be_visible()
    expect(page.get_by_role("combobox", name="Taken for")).to_have_value("Ankle boot")


def test_mistakes_are_browsed_from_a_cell_to_the_last_one(open_page):
    page = open_page("results?section=Confusion&network=wild")
    page.locator(".js-plotly-plot").wait_for(timeout=PATIENCE)
    choose(page, "True class", "Shirt")
    choose(page, "Taken for", "Pullover")
    button = page.get_by_role("button", name=re.compile("among the mistakes"))
    count = re.search(r"[\d,]+", button.inner_text())[0]
    button.click()

    expect(page.get_by_text(re.compile(f": {count} of [\\d,]+ mistakes$"))).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(0)  # the section before it is gone
    page.get_by_role("button", name="Clear value").nth(1).click()
    settle(page)
    all_of_class = page.get_by_text(re.compile("of [\\d,]+ mistakes$")).inner_text()
    every = re.search(r": ([\d,]+) of", all_of_class)[1]
    assert int(every.replace(",", "")) > int(count.replace(",", ""))

    page.get_by_test_id("stPaginationPage").last.click()
    expect(page.get_by_text(re.compile(f"to {every} of {every}, most confident"))).to_be_visible()


def test_a_chart_has_its_height_before_it_is_drawn(open_page):
    held = []
    page = open_page("learn")
    page.route("**/PlotlyChart*.js", lambda route: held.append(route))
    go(page, "Results")
    chart = page.locator(".st-key-reliability")
    chart.wait_for(timeout=PATIENCE)
    before = chart.bounding_box()["height"]
    assert held and not page.locator(".js-plotly-plot").count()

    held[0].continue_()

    page.locator(".js-plotly-plot").wait_for(timeout=PATIENCE)
    assert before == chart.bounding_box()["height"] > 300


def test_a_picture_of_results_opens_in_the_same_session(open_page, network):
    page = open_page("classify")
    draw(page, SQUARE)
    expect(page.locator(".answer")).to_be_visible()
    go(page, "Results")
    choose(page, "Network", network)
    page.get_by_text("Mistakes", exact=True).first.click()
    settle(page)

    page.get_by_title("Open in Classify").first.click()
    page.wait_for_url(re.compile("/classify.*source=Sample"))
    settle(page)

    expect(page.get_by_role("combobox", name="Network")).to_have_value(network)
    page.go_back()
    expect(page).to_have_url(re.compile("/results.*section=Mistakes"))
    page.go_forward()
    settle(page)
    page.get_by_text("Draw", exact=True).first.click()
    expect(page.locator("canvas")).to_be_visible()
    expect(page.locator(".verdict")).to_have_text(re.compile(r"Unsure|\d%"))  # of the drawing


def test_the_keyboard_alone_gets_to_an_answer(open_page):
    page = open_page()
    tab_to(page, "link", "Classify")
    page.keyboard.press("Enter")
    page.wait_for_url("**/classify")
    settle(page)

    tab_to(page, "img", "Empty canvas")
    for key in ["Space", *["ArrowRight"] * 9, *["ArrowDown"] * 9, "Space"]:
        page.keyboard.press(key)

    expect(page.locator(".answer")).to_be_visible()


def tab_to(page, role: str, name: str) -> None:
    """Press Tab until the element has the focus, as a user without a mouse does."""
    wanted = page.get_by_role(role, name=name).first
    wanted.wait_for()
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("e => e === (e.getRootNode().activeElement || document.activeElement)"):
            return
    raise AssertionError(f"Tab never reached the {role} {name!r}")


def all_pages(open_page, network, **look):
    """Each page in turn, settled, in one visit: name and page."""
    page = open_page(**look)
    start = page.url.split("?")[0]
    for name in PAGES:
        page.goto(start + opened(name, network))
        settle(page)
        page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
        yield name, page


def test_a_phone_never_scrolls_sideways(open_page, network):
    wide = {
        name: page.evaluate(
            "[document.documentElement.scrollWidth,"
            " document.querySelector('[data-testid=stMain]').scrollWidth]"
        )
        for name, page in all_pages(open_page, network, **PHONE)
    }

    limit = PHONE["viewport"]["width"]
    assert len(wide) == len(PAGES)
    assert not {name: widths for name, widths in wide.items() if max(widths) > limit}


# Streamlit writes white on the primary colour, and the primary colour on the dark background: in
# the dark theme no colour can stand out from both. Its one primary button is left out.
NOT_PRIMARY = {"exclude": [["[data-testid^=stBaseButton-primary]"]]}
OF_COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}


def test_axe_finds_nothing_serious_in_either_theme(open_page, network):
    serious, checked = {}, 0
    for name, page in all_pages(open_page, network, color_scheme="light"):
        light = Axe().run(page).response
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        page.wait_for_function(IS_DARK)
        settle(page)
        dark = Axe().run(page, NOT_PRIMARY, OF_COLOURS).response
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        for scheme, found in (("light", light), ("dark", dark)):
            checked += bool(found["passes"])
            serious |= {
                (name, scheme, violation["id"]): [node["target"] for node in violation["nodes"]]
                for violation in found["violations"]
                if violation["impact"] in ("serious", "critical")
            }

    assert checked == 2 * len(PAGES) and not serious


IS_DARK = """
    getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor
        .match(/\\d+/g).slice(0, 3).every(part => part < 64)
"""


def test_back_finds_a_page_as_it_was_left_and_then_the_one_before(open_page):
    page = open_page()
    go(page, "Compare")
    page.get_by_role("spinbutton", name="Classes").fill("20")
    page.keyboard.press("Enter")
    settle(page)
    left_at = address(page)
    assert "classes=20" in left_at
    go(page, "Classify")

    page.go_back()
    expect(page.get_by_role("spinbutton", name="Classes")).to_have_value("20")
    settle(page)
    assert address(page) == left_at

    page.go_back()
    page.wait_for_url(lambda url: urlsplit(url).path in ("", "/"))
    expect(page.get_by_role("heading", level=1)).to_have_text("VGG networks on clothing")


def test_the_keyboard_alone_goes_through_learn(open_page):
    page = open_page("learn")
    tab_to(page, "button", "Next: One block")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="One block")).to_be_visible()
    settle(page)

    tab_to(page, "spinbutton", "Your answer")
    page.keyboard.type("55")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Not yet.")).to_be_visible()
    page.keyboard.press("Control+a")
    page.keyboard.type("56")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Right.")).to_be_visible()
    expect(page.get_by_text("1 of 7 questions answered")).to_be_visible()
    assert "done=2" in page.url

    tab_to(page, "button", "Next: Whole network")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Whole network")).to_be_visible()


def test_the_next_step_is_seen_from_its_beginning(open_page):
    page = open_page("learn?lang=en", viewport={"width": 1280, "height": 600})
    page.get_by_role("button", name="Next: One block").click()
    expect(page.get_by_role("heading", name="One block")).to_be_in_viewport()


def test_numbers_of_the_matrix_stay_readable_when_a_cell_is_chosen(open_page):
    page = open_page("results?section=Confusion&network=wild")
    numbers = page.locator(".js-plotly-plot .annotation-text")
    right = results.cached("wild").scores["confusion"][5][5]  # sandals that are named correctly
    number = numbers.filter(has_text=re.compile(f"^{right}$"))
    expect(number).to_have_count(1)
    number.click(force=True)
    expect(page.get_by_text(re.compile("pictures: Sandal named correctly"))).to_be_visible()

    assert min(numbers.evaluate_all(OPACITIES)) > 0.9


OPACITIES = """all => all.map(one => {
  let least = +(getComputedStyle(one).fillOpacity);
  for (let e = one; e; e = e.parentElement) least = Math.min(least, +getComputedStyle(e).opacity);
  return least;
})"""
