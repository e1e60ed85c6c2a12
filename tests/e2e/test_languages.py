"""Two languages in a real browser, chosen by the address, the browser's own or the switch."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from drawing import SQUARE, draw
from harness import settle
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def title(page):
    return page.get_by_test_id("stMain").get_by_role("heading", level=1)


def switch(page, to: str) -> None:
    page.locator(".st-key-language").get_by_role("button", name=to).click()


def test_the_browsers_language_decides_until_the_visitor_does(open_page):
    page = open_page("", locale="zh-CN")
    expect(title(page)).to_have_text("用 VGG 网络识别衣物")
    expect(page.get_by_role("link", name="识别").first).to_be_visible()

    switch(page, "English")
    expect(title(page)).to_have_text("VGG networks on clothing")
    page.get_by_role("link", name="Learn").first.click()
    expect(title(page)).to_have_text("Learn")

    switch(page, "中文")
    expect(title(page)).to_have_text("学习")
    page.reload()
    expect(title(page)).to_have_text("学习")


def test_the_switch_keeps_what_was_chosen(open_page):
    page = open_page("compare?view=One+network&network=VGG-13&ratio=1%2F8")
    expect(page.get_by_role("heading", name="Shapes")).to_be_visible()
    switch(page, "中文")
    expect(title(page)).to_have_text("比较")
    expect(page.get_by_role("tab", name="一个网络")).to_have_attribute("aria-selected", "true")
    # The second convolution of VGG-13's first block, at an eighth of the width.
    expect(page.get_by_text("block1.conv2").first).to_be_visible()
    expect(page.get_by_text("3×3 → 8×224×224").first).to_be_visible()
    assert "network=VGG-13" in page.url and "ratio=1%2F8" in page.url

    page.goto(page.url.split("/compare")[0] + "/results?section=Confusion&lang=zh")
    expect(page.get_by_role("radio", name="混淆")).to_be_checked()
    switch(page, "English")
    expect(page.get_by_role("radio", name="Confusion")).to_be_checked()


@pytest.mark.parametrize("width", [1440, 820, 390])
def test_the_switch_covers_nothing(open_page, width):
    page = open_page("?lang=zh", viewport={"width": width, "height": 900})
    button = page.locator(".st-key-language button").bounding_box()
    assert button["x"] > 0 and button["x"] + button["width"] <= width and button["y"] < 60
    for link in page.get_by_test_id("stTopNavLink").all():
        box = link.bounding_box()
        if box and link.is_visible():
            assert box["x"] + box["width"] <= button["x"] + 1
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width


def test_the_canvas_speaks_the_visitors_language_and_still_draws(open_page):
    page = open_page("classify?lang=zh")
    expect(page.get_by_role("button", name="橡皮")).to_be_visible()
    expect(page.get_by_label("供描摹的淡淡轮廓")).to_be_visible()
    draw(page, SQUARE)
    expect(page.locator(".canvas .status")).to_have_text("1 笔")
    expect(page.locator(".answer")).to_be_visible()

    switch(page, "English")
    expect(page.get_by_role("button", name="Eraser")).to_be_visible()
    draw(page, [(80, 100), (180, 100)])
    expect(page.locator(".canvas .status")).to_have_text("2 strokes")


def test_axe_finds_nothing_serious_in_chinese_on_a_tablet(open_page):
    page = open_page("?lang=zh", viewport={"width": 820, "height": 1180})
    start = page.url.split("?")[0]
    for path in ("", "learn", "compare", "train", "classify", "results", "pictures", "machine"):
        page.goto(f"{start}{path}?lang=zh")
        settle(page)
        page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
        found = Axe().run(page).response["violations"]
        assert not [one["id"] for one in found if one["impact"] in ("serious", "critical")], path


def test_a_network_stays_chosen_when_the_language_changes(open_page):
    page = open_page("results?section=Download&lang=zh&network=wild")
    for language, heading in (
        ("English", "Photos and drawings"),
        ("中文", "照片与绘画"),
        ("English", "Photos and drawings"),
    ):
        switch(page, language)
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        expect(page.get_by_test_id("stAlert")).to_have_count(0)


@pytest.mark.parametrize("width", [700, 820, 945, 1280])
def test_the_switch_covers_no_page_in_the_header(open_page, width):
    page = open_page("learn?lang=en", viewport={"width": width, "height": 900})
    button = page.locator(".st-key-language button").bounding_box()
    links = [link.bounding_box() for link in page.locator("header a, nav a").all()]

    for link in filter(None, links):
        apart = (
            link["x"] + link["width"] <= button["x"]
            or link["x"] >= button["x"] + button["width"]
            or link["y"] + link["height"] <= button["y"]
        )
        assert apart, (link, button)
