"""Collects the dashboard's texts, and compiles their translations.

    python docs/translate.py          # update dashboard/locales/*/LC_MESSAGES/dashboard.po, compile
    python docs/translate.py --check  # say what is missing or out of date; exit 1 where anything is

Texts are found by babel: whatever stands in `tr("…")`, `N_("…")` or `Message("…")`. What the
library names in data (presets, settings, classes) is listed in `named_by_the_library`.
"""

import argparse
import dataclasses
import re
import string
import sys
from io import BytesIO
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dashboard.shared.language import LANGUAGES, LOCALES  # noqa: E402

KEYWORDS = {"tr": None, "N_": None, "Message": None}
FOLDERS = ("dashboard", "pages", "vggcore")


def named_by_the_library() -> set[str]:
    """Texts that are data of the library: the pages show them through `tr`."""
    from dashboard.shared.palette import KINDS
    from vggcore.answers import webpage
    from vggcore.answers.classifier import TURNS
    from vggcore.commands.tables import PUBLISHED_GARMENT_ACCURACY
    from vggcore.data.classes import CLASSES
    from vggcore.model import anatomy
    from vggcore.model.architectures import CONFIGURATIONS, VGGSpec
    from vggcore.model.fields import label
    from vggcore.model.presets import PRESETS
    from vggcore.model.recipe import TrainConfig
    from vggcore.runs import recorded
    from vggcore.training import speed

    texts = {*CLASSES, *TURNS.values(), anatomy.CONVENTION, speed.TYPICAL, "Unsure"}
    texts |= webpage.texts()
    texts |= {*KINDS, "relu", "flatten"} | {name for name, *_ in PUBLISHED_GARMENT_ACCURACY}
    texts |= {each.usual_name for each in CONFIGURATIONS.values() if " " in each.usual_name}
    for preset in PRESETS.values():
        texts |= {preset.summary, preset.reaches, preset.audience}
    for field in (*dataclasses.fields(VGGSpec), *dataclasses.fields(TrainConfig)):
        texts |= {label(field), field.metadata["help"], field.metadata["unit"]}
    for name in recorded.names():
        recording = recorded.load(name)
        texts |= {recording.title, recording.note, recording.machine}
        if not recording.date[:1].isdigit():
            texts.add(recording.date)
        texts.add(recording.evaluated_on.capitalize())
    return texts - {"", None}


def collected() -> Catalog:
    """All texts, with where they stand (files, without lines: those change too often)."""
    catalog = Catalog(project="VGG dashboard", fuzzy=False)
    for folder in FOLDERS:
        found = extract_from_dir(ROOT / folder, keywords=KEYWORDS, comment_tags=())
        for name, _, message, _, _ in found:
            if isinstance(message, str) and message:
                catalog.add(message, locations=[(f"{folder}/{name}", None)])
    found = extract_from_dir(ROOT, [("streamlit_app.py", "python")], keywords=KEYWORDS)
    for name, _, message, _, _ in found:
        catalog.add(message, locations=[(name, None)])
    for message in named_by_the_library():
        catalog.add(message, locations=[("vggcore", None)])
    ordered = Catalog(project="VGG dashboard", fuzzy=False)
    for message in sorted(catalog, key=lambda each: str(each.id)):
        if message.id:
            places = sorted(set(message.locations))
            ordered.add(message.id, locations=places)
    return ordered


def fields(text: str) -> list[str]:
    """The names in braces, and the %{…} of plotly, that a translation must keep."""
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(text) if name]
    except ValueError:
        names = ["not a template"]
    return sorted({*names, *re.findall(r"%\{[^}]*\}", text)})


def problems(catalog: Catalog, current: Catalog) -> list[str]:
    """What is wrong with a translation, in lines."""
    found = []
    for message in current:
        if not message.id:
            continue
        known = catalog.get(message.id)
        if known is None or not known.string:
            found.append(f"missing: {message.id!r}")
        elif known.fuzzy:
            found.append(f"to be looked at: {message.id!r}")
        elif fields(message.id) != fields(known.string):
            found.append(f"other names in braces: {message.id!r} and {known.string!r}")
    wanted = {message.id for message in current}
    found += [f"no longer used: {each.id!r}" for each in catalog if each.id not in wanted]
    return found


def catalogs() -> list[str]:
    """Folders of the languages that are translated."""
    return [language.catalog for language in LANGUAGES.values() if language.catalog]


def po_file(language: str) -> Path:
    return LOCALES / language / "LC_MESSAGES" / "dashboard.po"


def compiled(catalog: Catalog) -> bytes:
    stream = BytesIO()
    write_mo(stream, catalog)
    return stream.getvalue()


def check() -> list[str]:
    """All that is wrong, of all languages."""
    found, current = [], collected()
    for language in catalogs():
        file = po_file(language)
        with file.open("rb") as stream:
            catalog = read_po(stream, locale=language)
        found += [f"{language}: {line}" for line in problems(catalog, current)]
        if file.with_suffix(".mo").read_bytes() != compiled(catalog):
            found.append(f"{language}: dashboard.mo is not compiled from dashboard.po")
    return found


def update() -> None:
    current = collected()
    for language in catalogs():
        file = po_file(language)
        file.parent.mkdir(parents=True, exist_ok=True)
        known = Catalog(locale=language)
        if file.exists():
            with file.open("rb") as stream:
                known = read_po(stream, locale=language)
        fresh = Catalog(locale=language, project="VGG dashboard", fuzzy=False)
        fresh.revision_date = fresh.creation_date = known.creation_date
        for message in current:
            if message.id:
                old = known.get(message.id)
                fresh.add(message.id, old.string if old else "", locations=message.locations)
        with file.open("wb") as stream:
            write_po(stream, fresh, width=100, include_lineno=False)
        with file.open("rb") as stream:
            file.with_suffix(".mo").write_bytes(compiled(read_po(stream, locale=language)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing")
    if not parser.parse_args().check:
        update()
    found = check()
    print(*found, sep="\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
