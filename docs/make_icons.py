"""Draw the icons of garments that the `wild` preset trains on beside the human drawings.

    npm pack @iconify/json@2.2.535 && tar xzf iconify-json-*.tgz      # icon sets under ./package
    pip install cairosvg && python docs/make_icons.py package

reads `icons.csv` in `vggcore/wild/garment_icons` (set, icon, class folder: chosen by hand), draws
those icons into `icons.png` there, one cell each, row by row, and writes whose they are to
`README.md`. Only sets whose licence allows any use, with their authors named, are allowed.
"""

import io
import json
import sys
from collections import Counter
from pathlib import Path

from PIL import Image

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from vggcore.wild import icons  # noqa: E402

MARGIN = 10  # pixels of white around each icon in its cell
LICENCES = {"MIT", "Apache-2.0", "CC0-1.0", "ISC", "BSD-3-Clause", "CC-BY-3.0", "CC-BY-4.0"}
ABOUT = """\
# Icons of garments

Drawings that `python -m vggcore train --preset wild` trains on, beside human ones. `icons.csv`
says which icon of which set stands in which cell of `icons.png` (row by row, {side} × {side}
pixels, grey) and which class folder it belongs to; the classes were given by hand. The icons are
unchanged but for being drawn small, grey and on white, by `docs/make_icons.py` from the npm package
`@iconify/json` {version}. They belong to their authors:

| set | icons | author | licence |
|---|--:|---|---|
"""


def draw(icon_set: dict, name: str) -> Image.Image:
    """The icon in black (where it has no colours of its own) on white, as one cell of the sheet."""
    import cairosvg

    icon = (
        {"left": 0, "top": 0, "width": 16, "height": 16}
        | {key: icon_set[key] for key in ("width", "height") if key in icon_set}
        | icon_set["icons"][name]
    )
    box = f"{icon['left']} {icon['top']} {icon['width']} {icon['height']}"
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{box}" color="black">{icon["body"]}</svg>'
    )
    side = icons.SIDE - 2 * MARGIN
    png = cairosvg.svg2png(
        svg.encode(), output_width=side, output_height=side, background_color="white"
    )
    cell = Image.new("L", (icons.SIDE, icons.SIDE), 255)
    cell.paste(Image.open(io.BytesIO(png)).convert("L"), (MARGIN, MARGIN))
    return cell


def licence(about: dict) -> str:
    """Licence as a link, or its name alone."""
    found = about["license"]
    return f"[{found['spdx']}]({found['url']})" if found.get("url") else found["spdx"]


def main(package: Path) -> None:
    about = json.loads((package / "collections.json").read_text())
    names = icons.names()
    count = Counter(icon.set for icon in names)
    sets = {}
    rows = -(-len(names) // icons.COLUMNS)
    sheet = Image.new("L", (icons.COLUMNS * icons.SIDE, rows * icons.SIDE), 255)
    for place, icon in enumerate(names):
        if about[icon.set]["license"].get("spdx") not in LICENCES:
            raise SystemExit(f"{icon.set}: not a licence that lets everybody use it")
        if icon.set not in sets:
            sets[icon.set] = json.loads((package / "json" / f"{icon.set}.json").read_text())
        row, column = divmod(place, icons.COLUMNS)
        sheet.paste(draw(sets[icon.set], icon.name), (column * icons.SIDE, row * icons.SIDE))
    sheet.save(icons.FOLDER / "icons.png", optimize=True)
    version = json.loads((package / "package.json").read_text())["version"]
    lines = [
        f"| [{about[name]['name']}]({about[name]['author'].get('url', '')}) | {count[name]} "
        f"| {about[name]['author']['name']} | {licence(about[name])} |"
        for name in sorted(count)
    ]
    text = ABOUT.format(side=icons.SIDE, version=version) + "\n".join(lines) + "\n"
    (icons.FOLDER / "README.md").write_text(text)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python docs/make_icons.py FOLDER_OF_THE_UNPACKED_PACKAGE")
    main(Path(sys.argv[1]))
