"""The web page of a network: its size, the time of an answer, and accuracy by bits of its weights.

    python benchmarks/webpage.py                     # size and time, in headless Chromium
    python benchmarks/webpage.py --accuracy          # of 16 and 8 bits on validation images
    python benchmarks/webpage.py --accuracy --test   # … on the test set, into the card: at the end

Time is taken in the page from the end of a stroke to the shown answer. Accuracy is compared with
float32 on the same images.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "e2e")]

from drawing import draw  # noqa: E402
from harness import chromium  # noqa: E402

from vggcore.answers import evaluation, webpage  # noqa: E402
from vggcore.data.fashion_mnist import load_split  # noqa: E402
from vggcore.machine.files import parse_json, write_json  # noqa: E402
from vggcore.model import checkpoints, page_weights  # noqa: E402

STROKES = (
    [[90, 40], [60, 60], [30, 110], [60, 125], [75, 100], [75, 220], [180, 220], [180, 100]],
    [[180, 100], [195, 125], [225, 110], [195, 60], [165, 40], [128, 55], [90, 40]],
)


def answers(name: str, count: int) -> None:
    """Size and time of the page."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        file = Path(folder) / "page.html"
        file.write_bytes(webpage.page(name))
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(file.as_uri())
        page.wait_for_selector("main[data-ready]")
        times = []
        for number in range(count):
            draw(page, STROKES[number % 2])
            page.wait_for_selector(f'main[data-answered="{number + 1}"]')
            times.append(float(page.locator("main").get_attribute("data-took")))
    size = len(webpage.page(name)) / 1e6
    warm = times[count // 3 :]
    print(
        f"{name}: {size:.2f} MB; an answer takes {min(warm):.0f} ms at best, "
        f"{statistics.median(warm):.0f} ms in the middle of {len(warm)}, after {count - len(warm)}"
    )


def accuracies(name: str, split: str) -> None:
    """Accuracy with float32 and with weights of each number of bits."""
    checkpoint = checkpoints.load(name)
    way = checkpoint.card.preprocessing
    images, labels = load_split(split, seed=checkpoint.card.data.split_seed)
    seen = evaluation.as_trained(images, way)
    described = {"card": checkpoint.card.to_dict()}
    networks = {"float32": checkpoint.network}
    for bits in page_weights.BITS:
        packed = page_weights.packed_network(checkpoint.network, bits) | described
        networks[f"{bits} bits"] = page_weights.restored(packed)[1]
    right = {
        kind: evaluation.predict(network, seen, way).argmax(1) == labels
        for kind, network in networks.items()
    }
    plain = right["float32"]
    for kind, found in right.items():
        print(
            f"{name}, {split}, {kind}: {found.float().mean():.4f}, "
            f"{int((found & ~plain).sum())} gained and {int((plain & ~found).sum())} lost",
            flush=True,
        )
    if split == "test":
        shares = {bits: right[f"{bits} bits"].float().mean().item() for bits in page_weights.BITS}
        file = checkpoint.path.with_name(f"{checkpoint.path.name}.json")
        card = parse_json(file.read_bytes())
        card["rounded"] = {str(bits): round(share, 4) for bits, share in shares.items()}
        write_json(file, card)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=["fashion-mnist", "wild"])
    parser.add_argument("--accuracy", action="store_true")
    parser.add_argument("--test", action="store_true", help="on the test set, into the card")
    parser.add_argument("--answers", type=int, default=30)
    args = parser.parse_args()
    for name in args.networks:
        if args.accuracy:
            accuracies(name, "test" if args.test else "validation")
        else:
            answers(name, args.answers)


if __name__ == "__main__":
    main()
