"""Own pictures in a browser: from a zip to a network that names them."""

import re

import numpy as np
import own_pictures as made
import pytest
from harness import settle
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_from_a_zip_to_an_answer(tmp_path, open_page):
    # Larger than an upload to Classify may be: the server's own limit must allow it.
    noise = {"notes.bin": np.random.default_rng(0).bytes(22_000_000)}
    (tmp_path / "forms.zip").write_bytes(made.zipped(made.files(8) | noise))
    made.picture("square", 500, side=200).save(tmp_path / "square.png")
    page = open_page("pictures?from=Upload")
    page.get_by_test_id("stFileUploader").locator("input").set_input_files(tmp_path / "forms.zip")
    page.get_by_role("button", name="Keep these pictures").click()
    expect(page.get_by_text("Some pictures of each class")).to_be_visible()
    page.get_by_role("link", name="Change the recipe first").click()
    page.get_by_text("Recipe in detail", exact=True).click()
    epochs = page.get_by_label("Epochs", exact=True)
    epochs.fill("5")  # the first four train the classifier alone
    epochs.press("Enter")
    settle(page)
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url(re.compile("train.*run="))
    page.get_by_role("link", name="Open in Classify").click(timeout=300_000)  # once it ended
    expect(page.get_by_text("It knows circle, cross, square.")).to_be_visible()
    page.get_by_text("Upload", exact=True).click()
    page.get_by_test_id("stFileUploader").locator("input").set_input_files(tmp_path / "square.png")
    expect(page.get_by_role("status").get_by_text("square", exact=True)).to_be_visible()
    page.get_by_role("link", name="Results").first.click()
    settle(page)
    expect(page.get_by_text("Test accuracy").first).to_be_visible()


def test_pictures_taken_with_a_camera_are_collected(open_page):
    page = open_page("pictures?from=Collect", permissions=["camera"])
    page.get_by_label("New class").fill("disc")
    page.get_by_role("button", name="Add class").click()
    for count in (1, 2):
        # The button takes no photo until the camera shows something. Each camera starts with
        # the same pictures: two photos of the same moment are the same, which is refused.
        page.wait_for_function(
            "count => document.querySelector('video')?.currentTime > count", arg=count
        )
        page.get_by_role("button", name="Take Photo").click()
        expect(page.get_by_text(f"disc · pictures: {count}")).to_be_visible()
        settle(page)  # the next camera is another one
    page.get_by_role("button", name="Remove the last picture").click()
    expect(page.get_by_text("disc · pictures: 1")).to_be_visible()


def test_a_correction_goes_from_an_answer_to_the_page_that_trains(tmp_path, open_page):
    made.picture("square", 7, side=200).save(tmp_path / "a.png")
    page = open_page("classify?source=Upload")
    page.get_by_test_id("stFileUploader").locator("input").set_input_files(tmp_path / "a.png")
    page.get_by_role("button", name="Correct it").click()
    page.get_by_label("It is").click()
    page.get_by_role("option", name="Bag").click()
    page.get_by_role("button", name="Keep this correction").click()
    expect(page.get_by_text("kept as Bag")).to_be_visible()
    page.get_by_role("link", name="Train on corrections (1)").click()
    expect(page.get_by_text("Bag, taken for")).to_be_visible()
    expect(page.get_by_role("button", name="Train on these corrections")).to_be_enabled()
