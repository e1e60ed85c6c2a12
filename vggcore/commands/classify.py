"""`classify`: name the garment in a picture or a drawing."""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vggcore.data.classes import percent
from vggcore.model import checkpoints

if TYPE_CHECKING:
    from PIL.Image import Image

    from vggcore.answers.classifier import Classifier, Prediction
    from vggcore.pictures.crops import Box


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="pictures (PNG, JPEG, WebP, BMP, GIF), or folders of them",
    )
    parser.add_argument(
        "--strokes",
        action="append",
        type=Path,
        default=[],
        metavar="FILE.json",
        help=(
            "a drawing as strokes, as JSON from the canvas or from Quick, Draw! "
            "(.ndjson: one drawing per line)"
        ),
    )
    parser.add_argument(
        "--checkpoint",
        default=checkpoints.DEFAULT,
        help=("name of a shipped network or a run, or a path (default: %(default)s)"),
    )
    parser.add_argument(
        "--turn",
        type=int,
        choices=(0, 90, 180, 270),
        default=0,
        metavar="DEGREES",
        help="turn the pictures to the left first by this many degrees: 90, 180 or 270",
    )
    parser.add_argument(
        "--crop",
        metavar="X,Y,W,H",
        help="look only at this part of the pictures, in pixels of the upright file, before --turn",
    )
    parser.add_argument(
        "--explain", type=Path, metavar="DIR", help="write each step's picture and a heat map here"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    if not args.files and not args.strokes:
        raise ValueError("nothing to classify: name pictures or folders, or --strokes FILE.json")
    import torch

    from vggcore.answers.classifier import load_classifier
    from vggcore.pictures.crops import Box

    torch.set_num_threads(1)  # more threads wait for each other as soon as a core is busy
    try:
        box = Box.parse(args.crop) if args.crop else None
    except ValueError as error:
        raise ValueError(f"--crop {error}") from None
    classifier = load_classifier(args.checkpoint)
    inputs = list(_inputs(args.files, args.strokes))
    rows = []
    for number, (name, read) in enumerate(inputs, start=1):
        try:
            picture, size = read()
            factor = max(size) / max(picture.size)
            if box:
                picture = _cut(picture, box, size)
            place = _Place(picture.size, args.turn, factor, box[:2] if box else (0, 0))
            if args.turn:
                picture = picture.rotate(args.turn, expand=True)
            prediction = classifier.classify(picture, framed=box is not None)
            rows.append(_row(name, prediction, place))
            if args.explain:
                folder = args.explain / f"{number:03}-{_safe(name)}"
                written = _explain(folder, classifier, prediction)
                rows[-1]["explained"] = [str(file) for file in written]
        except ValueError as error:
            if len(inputs) == 1:
                raise ValueError(f"{name}: {error}") from None
            rows[number - 1 :] = [{"file": name, "error": str(error)}]
    _print(rows, as_json=args.json)
    return 2 if any("error" in row for row in rows) else 0


class _Place(NamedTuple):
    """Where in its file a picture comes from, which was made smaller, cut and turned, in order."""

    size: tuple[int, int]  # before the turn
    turn: int  # degrees, to the left
    factor: float  # by which the file's picture is larger
    offset: tuple[int, ...]  # of the part that was cut, in the file's pixels

    def in_file(self, part: "Box") -> list[int]:
        """A part of the picture, as left, top, width and height in the file's pixels."""
        box = part.before_turn(self.turn, self.size).scaled(self.factor)
        left, top = box.left + self.offset[0], box.top + self.offset[1]
        return [left, top, box.width, box.height]


def _cut(picture: "Image", box: "Box", size: tuple[int, int]) -> "Image":
    """The part of a picture that `box` means in the pixels of its file, of this `size`.

    Raises ValueError.
    """
    from vggcore.pictures.crops import MIN_SIDE

    width, height = size
    if min(width - box.left, height - box.top) < MIN_SIDE:
        raise ValueError(
            f"the box {','.join(map(str, box))} lies outside of the picture, which is "
            f"{width}×{height} pixels"
        )
    there = box._replace(
        width=min(box.width, width - box.left), height=min(box.height, height - box.top)
    )
    small = there.scaled(max(picture.size) / max(size))
    if min(small.width, small.height) < MIN_SIDE:
        raise ValueError(f"the box {','.join(map(str, box))} is too small a part of the picture")
    return small.of(picture)


def _inputs(places: list[Path], strokes: list[Path]) -> Iterator[tuple]:
    """The name of each picture, and a function that reads it or raises ValueError.

    The function returns the picture, and the size of the file's own, which may be larger.
    """
    from vggcore.pictures.decode import EXTENSIONS, open_image, upright_size

    def opened(file: Path) -> tuple:
        return open_image(file), upright_size(file)

    def none_found():
        raise ValueError(f"holds no picture ({', '.join(EXTENSIONS)})")

    for file in places:
        inputs = [file]
        if file.is_dir():
            files = sorted(f for f in file.rglob("*") if f.is_file())
            inputs = [f for f in files if f.suffix[1:].lower() in EXTENSIONS]
            if not inputs:
                yield str(file), none_found
            elif left_out := [f.name for f in files if f not in set(inputs)]:
                named = ", ".join(left_out[:3]) + (" …" if len(left_out) > 3 else "")
                print(
                    f"{file}: left out {len(left_out)} files that are not "
                    f"{', '.join(EXTENSIONS)}: {named}",
                    file=sys.stderr,
                )
        yield from ((str(each), lambda each=each: opened(each)) for each in inputs)
    for file in strokes:
        yield from _drawings(file)


def _drawings(file: Path) -> Iterator[tuple]:
    from vggcore.pictures.strokes import MAX_JSON_BYTES, StrokeError

    try:
        with file.open("rb") as stream:
            content = stream.read(100 * MAX_JSON_BYTES)
    except OSError as error:
        message = f"cannot read the file: {error.strerror}"

        def failed():
            raise StrokeError(message)

        yield str(file), failed
        return
    lines = [line for line in content.splitlines() if line.strip()]
    if file.suffix == ".ndjson" and len(lines) > 1:
        for number, line in enumerate(lines, start=1):
            yield f"{file}:{number}", lambda line=line: _rendered(line)
    else:
        yield str(file), lambda: _rendered(content)


def _rendered(text: bytes) -> tuple["Image", tuple[int, int]]:
    from PIL import Image

    from vggcore.pictures.strokes import StrokeError, parse_strokes, render

    strokes = parse_strokes(text)
    if not strokes:
        raise StrokeError("the drawing is empty")
    picture = Image.fromarray(render(strokes))
    return picture, picture.size


def _row(name: str, prediction: "Prediction", place: _Place) -> dict:
    return {
        "file": name,
        "label": prediction.label,
        "probability": prediction.probability,
        "probabilities": prediction.probabilities,
        "unsure": prediction.unsure,
        "reason": prediction.reason,
        "none_of_these": prediction.none_of_these,  # the probabilities are then: if it were one
        "looked_at": place.in_file(prediction.looked_at) if prediction.looked_at else None,
        "turn": prediction.turn,
        "several": [
            {
                "box": place.in_file(thing.box),
                "label": thing.answer.label,
                "unsure": thing.answer.unsure,
            }
            for thing in prediction.several
        ],
    }


def _safe(name: str) -> str:
    """A folder name that shows which picture it belongs to."""
    return re.sub(r"[^\w.-]+", "_", Path(name).name)[:60]


def _explain(folder: Path, classifier: "Classifier", prediction: "Prediction") -> list[Path]:
    """Write the steps and the heat map of the answer. Raises ValueError if that fails."""
    from PIL import Image

    from vggcore.answers.explain import cam_overlay
    from vggcore.pictures.prepare import visible

    steps = [*prediction.prepared.steps]
    if prediction.prepared.middle is not None:
        steps.append(("the middle", visible(prediction.prepared.middle)))
    heat = cam_overlay(classifier, prediction.prepared.network_input, prediction.label)
    steps.append((f"heat map {prediction.label}", heat))
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, (step, picture) in enumerate(steps, start=1):
            written.append(folder / f"{number}-{_safe(step.replace('/', '-'))}.png")
            Image.fromarray(picture).save(written[-1])
    except OSError as error:
        raise ValueError(f"cannot write to {folder}: {error.strerror or error}") from None
    return written


def _print(rows: list[dict], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        if "error" in row:
            print(f"{row['file']}: {row['error']}")
            continue
        named = f"{row['label']} {percent(row['probability'], 1)}"
        if row["none_of_these"]:
            print(f"{row['file']}: unsure: {row['reason']} If it were one of them: {named}")
        else:
            unsure = f"  unsure: {row['reason']}" if row["unsure"] else ""
            print(f"{row['file']}: {named}{unsure}")
        if row["looked_at"]:
            print(
                f"  looked only at --crop {','.join(map(str, row['looked_at']))}, "
                "the part that stands out"
            )
        if row["turn"]:
            print(f"  try --turn {row['turn']}")
        for thing in row["several"]:
            answer = "unsure" if thing["unsure"] else thing["label"]
            print(f"  --crop {','.join(map(str, thing['box']))}: {answer}")
        if "explained" in row:
            print(f"  steps and heat map in {Path(row['explained'][0]).parent}")
