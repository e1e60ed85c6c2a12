"""A network's web page in a real browser, opened as a file without a network."""

import base64
import json
from contextlib import contextmanager

import numpy as np
import own_pictures as made
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from drawing import SQUARE, draw, recorded
from harness import PATIENCE, PHONE
from PIL import Image
from playwright.sync_api import expect
from untrained import save_untrained

from vggcore.answers import evaluation, webpage
from vggcore.answers.classifier import Classifier, load_classifier
from vggcore.data.fashion_mnist import load_split
from vggcore.machine import paths
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import Card, TrainedOn
from vggcore.model.network import build
from vggcore.model.recipe import OWN
from vggcore.pictures.decode import open_image
from vggcore.pictures.preprocessing import Preprocessing
from vggcore.pictures.strokes import Stroke, render

pytestmark = pytest.mark.browser

# Runs the page's worker on many pictures, as the page does.
ASK = """async ([network, questions]) => {
  const source = document.getElementById("worker").textContent
  const worker = new Worker(URL.createObjectURL(new Blob([source])))
  const next = () => new Promise((done) => (worker.onmessage = ({ data }) => done(data)))
  const decoded = async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
    const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" }
    const bitmap = await createImageBitmap(new Blob([bytes]), options)
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
    const pen = canvas.getContext("2d")
    pen.drawImage(bitmap, 0, 0)
    const { width, height, data } = pen.getImageData(0, 0, canvas.width, canvas.height)
    return { image: { width, height, channels: 4, data } }
  }
  worker.postMessage({ network: JSON.parse(document.getElementById("network").textContent) })
  await next()
  const answers = []
  for (const { strokes, file } of questions) {
    const question = answers.length + 1
    worker.postMessage({ question, ...(strokes ? { strokes } : await decoded(file)) })
    let data = await next()
    while (data.question !== question || data.turn) data = await next()
    const { best, logits, reason } = data.answer
    answers.push({ best, logits, unsure: Boolean(reason) })
  }
  worker.terminate()
  return answers
}"""
TOLERANCE = 0.05  # of a logit, in 97 % of the pictures; logits of pictures lie 20 apart
FURTHEST = 0.3  # of a logit, where a byte of a prepared picture is rounded the other way


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Makes a checkpoint's page, once; returns its address."""
    folder = tmp_path_factory.mktemp("webpages")

    def address(name: str, change=lambda page: page) -> str:
        file = folder / f"{name}.html"
        file.write_bytes(change(webpage.page(name)))
        return file.as_uri()

    return address


@contextmanager
def opened(browser, address: str, *, ready=True, script="", silent=True, **options):
    """The page, without any network. Fails if the browser reports an error or a request."""
    options = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB"} | options
    context = browser.new_context(offline=True, **options)
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.on("request", lambda request: errors.append(request.url))
    if script:
        page.add_init_script(script)
    try:
        page.goto(address)
        if ready:
            page.wait_for_selector("main[data-ready]")
        yield page
        own = ("file:", "blob:", "data:")
        assert not silent or not [error for error in errors if not error.startswith(own)]
    finally:
        context.close()


def as_json(strokes: list[Stroke]) -> dict:
    return {"strokes": [{"tool": s.tool, "size": s.size, "points": s.points} for s in strokes]}


def as_file(content: bytes) -> dict:
    return {"file": base64.b64encode(content).decode()}


def png(image: Image.Image) -> bytes:
    return made.encoded(image)


def compared(browser, address: str, network: Classifier, asked: list[tuple[dict, Image.Image]]):
    """Which answers name Python's class, which are unsure as it is; how far off logits are."""
    questions = [question for question, _ in asked]
    with opened(browser, address) as page:
        answers = page.evaluate(ASK, [None, questions])
    same, as_sure, off = [], [], []
    for (_, picture), answer in zip(asked, answers, strict=True):
        ours = network.classify(picture)
        inputs = torch.cat([network.network_input(each) for each in ours.prepared.inputs])
        with torch.inference_mode():
            plain = network.checkpoint.network  # `classify` may compute in bfloat16
            logits = evaluation.answer(plain, inputs, network.preprocessing).mean(0)
        same.append(answer["best"] == int(logits.argmax()))
        # Whether a picture needs turning is found out after the answer.
        as_sure.append(ours.turn > 0 or ours.unsure == answer["unsure"])
        off.append(float(np.abs(logits.numpy() - answer["logits"]).max()))
    return same, as_sure, off


TOOLS = [
    [Stroke(((60, 60), (200, 60), (200, 200), (60, 200)), 9, "shape")],
    [
        Stroke(((60, 60), (200, 70), (190, 200), (60, 200), (60, 60)), 13),
        Stroke(((100, 100),), 3, "fill"),
        Stroke(((20, 20), (230, 230)), 20, "eraser"),
    ],
]


def drawings() -> list[tuple[dict, Image.Image]]:
    folder = paths.data_dir() / "garments-dev" / "sketches" / "quickdraw-strokes"
    things = [file.relative_to(folder).parts for file in sorted(folder.rglob("*.ndjson"))]
    found = TOOLS + [each for thing in things for each in recorded(*thing, 30 // len(things) + 1)]
    return [(as_json(each), Image.fromarray(render(each))) for each in found[:32]]


def photos() -> list[tuple[dict, Image.Image]]:
    folder = paths.data_dir() / "garments-dev" / "photos"
    files = sorted(file for file in folder.rglob("*") if file.suffix in (".jpg", ".png"))
    chosen = [files[place] for place in np.linspace(0, len(files) - 1, 30).astype(int)]
    return [(as_file(file.read_bytes()), open_image(file)) for file in chosen]


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.garments
def test_a_hundred_pictures_get_pythons_answers(browser, pages, tmp_path, monkeypatch):
    images = [Image.fromarray(image) for image in load_split("validation")[0][:30].numpy()]
    own = [made.picture(shape, n) for shape in made.SHAPES for n in range(4)]
    tried = [
        ("wild", drawings() + photos()),
        ("fashion-mnist", [(as_file(png(image)), image) for image in images]),
    ]
    results = [
        compared(browser, pages(name), load_classifier(name), asked) for name, asked in tried
    ]
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path))
    save_untrained(tmp_path, "own", classes=made.SHAPES, style="grey-picture")
    asked = [(as_file(png(image)), image) for image in own]
    results.append(compared(browser, pages("own"), load_classifier("own"), asked))

    same, as_sure, off = (np.concatenate(lists) for lists in zip(*results, strict=True))
    assert len(same) >= 100 and same.mean() >= 0.99
    assert as_sure.mean() >= 0.98  # some lie just at a threshold
    assert (off < TOLERANCE).mean() >= 0.97 and off.max() < FURTHEST


@pytest.mark.parametrize(
    "kinds",
    [
        {"configuration": "A-LRN", "head": "pool"},
        {"configuration": "C", "head": "pool", "batch_norm": True},
        {"configuration": "A", "head": "fc"},
    ],
    ids=["local response norm", "1×1 convolutions", "fully connected head"],
)
def test_every_kind_of_layer_computes_what_python_does(
    browser, pages, tmp_path, monkeypatch, kinds
):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path))
    spec = VGGSpec(width="1/16", image_size=32, num_classes=len(made.SHAPES), **kinds)
    network = build(spec, init="kaiming", seed=0).eval()
    weights = [each for name, each in network.named_parameters() if name.endswith("weight")]
    with torch.no_grad():
        weights[0] *= 100  # so large that local response norm does more than divide by a constant
        weights[-1] *= 20 / network(torch.rand(9, 1, 32, 32)).abs().max()
    way = Preprocessing(style="grey-picture", image_size=32)
    card = Card(spec=spec, preprocessing=way, classes=made.SHAPES, data=TrainedOn(name=OWN))
    checkpoints.save(tmp_path / "layers", network, card)
    pictures = [made.picture(shape, n) for shape in made.SHAPES for n in range(4)]
    asked = [(as_file(png(image)), image) for image in pictures]

    same, _, off = compared(browser, pages("layers"), load_classifier("layers"), asked)
    assert all(same) and max(off) < TOLERANCE


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A small network's checkpoint."""
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path))
    save_untrained(tmp_path, "small")
    return "small"


@pytest.mark.parametrize(
    "options",
    [{"color_scheme": "light"}, {"color_scheme": "dark"}, PHONE | {"locale": "zh-CN"}],
    ids=["light", "dark", "phone in Chinese"],
)
def test_it_draws_answers_and_explains_and_axe_finds_nothing(browser, pages, small, options):
    def measured(page: bytes) -> bytes:
        return page.replace(b'"card": {', b'"card": {"rounded": {"16": 0.5}, ', 1)

    with opened(browser, pages(small, measured), **options) as page:
        draw(page, SQUARE)
        page.wait_for_selector("main[data-answered]")
        assert page.locator(".bars li").count() == 5
        page.locator(".layers button").nth(1).click()
        page.locator(".detail .part").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = Axe().run(page).response["violations"]
        assert not [(each["id"], each["nodes"][0]["html"]) for each in found]
        card = page.locator("dl").inner_text()
        assert "50.00 %" in card and "。 " not in card  # the accuracy of the rounded weights
        chinese = options.get("locale") == "zh-CN"
        assert page.locator("h2").first.inner_text() == ("看看内部" if chinese else "Look inside")


def exact(numbers) -> list[float]:
    """Shown numbers with all their digits."""
    return [float(each.get_attribute("title")) for each in numbers.all()]


def test_each_number_of_the_explanation_is_the_computed_one(browser, pages, small):
    with opened(browser, pages(small)) as page:
        draw(page, SQUARE)
        page.wait_for_selector("main[data-answered]")
        kinds = page.locator(".layers button")
        for layer in range(1, kinds.count()):  # by keyboard alone
            kinds.nth(layer).focus()
            page.keyboard.press("Enter")
            heading = kinds.nth(layer).locator("span").inner_text()
            page.locator(".detail h3", has_text=heading).wait_for()
            if layer == 1:
                place = page.locator(".detail p").first
                before = place.inner_text()
                page.locator(".big > canvas").focus()
                for key in ("ArrowLeft", "ArrowUp", "ArrowLeft"):
                    page.keyboard.press(key)
                expect(place).not_to_have_text(before)
            parts = exact(page.locator(".detail .part > span:last-child > .number"))
            numbers = exact(page.locator(".detail p .number"))
            if not parts:
                continue
            if page.locator(".detail p", has_text="together").count():
                parts.append(numbers.pop(0))  # what is not listed
            bias, total, *after = numbers
            assert abs(sum(parts) + bias - total) < 1e-4
            if after:  # ReLU
                assert abs(after[0] - max(0, total)) < 1e-4
        rows = page.locator(".softmax tbody tr").all()
        logits = {row.locator("th").inner_text(): exact(row.locator(".number"))[0] for row in rows}
    drawing = render([Stroke(tuple(map(tuple, SQUARE)), 8)])
    network = load_classifier(small)
    expected = network.logits(network.classify(drawing).prepared.network_input)
    for label, logit in zip(network.classes, expected.tolist(), strict=True):
        assert abs(logits[label] - logit) < 0.02


ONE_PROCESSOR = (
    "Object.defineProperty(Navigator.prototype, 'hardwareConcurrency', { get: () => 1 })"
)
BROKEN_HELPER = """const Real = Worker
let started = 0
globalThis.Worker = function (address) {
  return new Real(++started === 2 ? URL.createObjectURL(new Blob(["throw 1"])) : address)
}"""


@pytest.mark.parametrize(("script", "workers"), [("", 2), (ONE_PROCESSOR, 1), (BROKEN_HELPER, 2)])
def test_a_second_worker_computes_the_mirror_image_where_it_can(browser, pages, script, workers):
    with opened(browser, pages("wild"), script=script, silent=False) as page:
        draw(page, SQUARE)
        page.wait_for_selector("main[data-answered]")
        assert len(page.workers) == workers
        shown = [float(text.split()[0]) for text in page.locator(".bars .chance").all_inner_texts()]

    drawing = render([Stroke(tuple(map(tuple, SQUARE)), 8)])
    chances = load_classifier("wild").classify(drawing).probabilities.values()
    assert shown == pytest.approx([100 * each for each in sorted(chances)[:-6:-1]], abs=0.3)


def test_a_hostile_name_is_shown_as_text(browser, pages, tmp_path, monkeypatch):
    hostile = "</script><img src=x onerror=alert(1)>{script}"
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path))
    save_untrained(tmp_path, "hostile", classes=(hostile, "constructor", "__proto__"))
    with opened(browser, pages("hostile")) as page:
        draw(page, SQUARE)
        page.wait_for_selector("main[data-answered]")
        assert hostile in page.locator(".bars").inner_text()
        assert page.locator("img").count() == 0


TROUBLE = {
    "torn": (lambda page: page[: len(page) // 2], "", "incomplete"),
    "torn weights": (lambda page: page.replace(b'"crc32": ', b'"crc32": 1'), "", "damaged"),
    "no JSON": (lambda page: page.replace(b'"bits"', b'bits"'), "", "damaged"),
    "weights of another shape": (
        lambda page: page.replace(b'"out": 4', b'"out": 3', 1),
        "",
        "do not fit",
    ),
    "no workers": (lambda page: page, "delete globalThis.Worker", "workers"),
}


@pytest.mark.parametrize("kind", TROUBLE)
def test_trouble_is_one_clear_sentence(browser, pages, small, kind):
    change, script, expected = TROUBLE[kind]
    with opened(browser, pages(small, change), ready=False, script=script) as page:
        page.locator(".trouble", has_text=expected).wait_for()
        assert page.locator("body").inner_text().strip().count("\n") == 0


def test_pictures_are_opened_and_those_that_cannot_be_are_refused(browser, pages, small, tmp_path):
    files = {
        "shirt.png": (png(made.picture("square", 1)), ""),
        "large.png": (png(Image.new("1", (10_000, 10_000))), "too many pixels: 10000×10000"),
        "text.png": (b"not a picture", "cannot read that picture"),
        "torn.png": (png(made.picture("square", 1))[:60], "cannot read that picture"),
        "tiny.png": (png(Image.new("L", (3, 300))), "too small"),
    }
    with opened(browser, pages(small)) as page:
        for name, (content, expected) in files.items():
            (tmp_path / name).write_bytes(content)
            page.locator("input[type=file]").set_input_files(tmp_path / name)
            if expected:
                page.locator(".note", has_text=expected).wait_for()
            else:
                page.wait_for_selector("main[data-answered]")
                assert page.locator(".photo canvas").is_visible()


# Gives the page a picture as a drop or a paste does.
GIVE = """([kind, base64]) => {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
  const given = new DataTransfer()
  given.items.add(new File([bytes], "shirt.png", { type: "image/png" }))
  const event = kind === "drop"
    ? new DragEvent("drop", { dataTransfer: given, bubbles: true, cancelable: true })
    : new ClipboardEvent("paste", { clipboardData: given, bubbles: true })
  document.body.dispatchEvent(event)
}"""


@pytest.mark.parametrize(
    "options", [{"color_scheme": "light"}, PHONE | {"color_scheme": "dark"}], ids=["light", "phone"]
)
def test_a_picture_from_the_camera_dropped_or_pasted_is_answered(browser, pages, small, options):
    photo = as_file(png(made.picture("square", 1)))["file"]
    with opened(browser, pages(small), **options) as page:
        page.get_by_role("button", name="Camera").click()
        expect(page.locator(".answer .verdict")).to_have_text("Take the picture")
        page.get_by_role("button", name="Take the picture").click()
        page.wait_for_selector('main[data-answered="2"]')
        assert page.locator(".photo canvas").bounding_box()["height"] > 100
        expect(page.locator("video")).to_be_hidden()
        for number, kind in enumerate(("drop", "paste"), start=3):
            page.evaluate(GIVE, [kind, photo])
            page.wait_for_selector(f'main[data-answered="{number}"]')
            assert page.evaluate("document.querySelector('.photo canvas').width") == 40
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.locator("button.language").bounding_box()["height"] < 50  # one line
        assert not Axe().run(page).response["violations"]


def test_a_camera_that_is_not_allowed_is_one_sentence(browser, pages, small):
    refuse = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error())"
    with opened(browser, pages(small), script=refuse) as page:
        page.get_by_role("button", name="Camera").click()
        page.locator(".note", has_text="does not let this page use a camera").wait_for()


def test_the_page_loads_nothing_even_if_it_tries(browser, pages, small):
    with opened(browser, pages(small), silent=False) as page:
        refused = page.evaluate(
            """() => new Promise((done) => {
              document.addEventListener("securitypolicyviolation",
                (event) => done(event.effectiveDirective))
              fetch("https://example.org/").catch(() => {})
            })"""
        )
        assert refused == "connect-src"


def test_json_of_the_words_is_complete(small):
    page = webpage.page(small).decode()
    words = json.loads(page.split('id="words">')[1].split("</script>")[0])
    assert webpage.texts() <= set(words) and all(words.values())


@pytest.mark.parametrize("place", ["classify", "learn"])
def test_the_dashboard_shows_the_same_inside(open_page, place):
    if place == "classify":
        page = open_page("classify")
        draw(page, SQUARE)
        page.get_by_test_id("stCheckbox").get_by_text("Explain the answer").click()
    else:
        page = open_page("learn?step=3+Whole+network")
        page.get_by_test_id("stCheckbox").get_by_text("Look inside a trained network").click()
    page.locator(".inside .layers button").nth(2).click()
    expect(page.locator(".inside .detail .part")).to_have_count(6)
    expect(page.locator(".inside .softmax tbody tr")).to_have_count(10)
