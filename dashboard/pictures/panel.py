"""A set of pictures before training: its report, its contact sheet, and the Train button."""

import uuid
from dataclasses import replace

import pandas as pd
import streamlit as st
from PIL import Image

from dashboard.pictures import reading
from dashboard.shared import address, deployment, formatting
from dashboard.shared.language import N_, tr
from vggcore import runs
from vggcore.commands import recipe_options
from vggcore.data.own import known_sets, prepared, sources
from vggcore.data.own.prepared import PictureSet
from vggcore.data.own.report import PictureReport, contact_sheet, legend, report
from vggcore.model.presets import PRESETS
from vggcore.training import cost

PARAMETERS = {"from": address.text, "set": address.text}
_SIZE = 64  # pixels per side on the contact sheet
_REQUEST = "pictures-request"  # one per set and recipe: a second click starts nothing
_REPORT = "pictures-report"  # of the set shown last: what it was read from, report and sheet
_REST = N_("Stopped: {done} of {total} pictures have been read, and are not read again.")
_STOPPED = "pictures-stopped"  # the set whose reading the visitor has stopped
WAYS = {
    "own-from-wild": N_("From the network for photos"),
    "own": N_("From scratch"),
}
_WHY = {
    "own-from-wild": N_(
        "For small sets of pictures, and for things that stand out from their background."
    ),
    "own": N_("For hundreds of pictures of each class, and for whole scenes."),
}


def _reported(source: str) -> tuple[PictureReport, Image.Image]:
    """Report and contact sheet of the pictures as they are now."""
    known = source in known_sets.NAMES
    now = (source, "" if known else sources.version(source))
    before, *stored = st.session_state.get(_REPORT, (None,))
    if before != now:
        pictures = _pictures(source)
        checked = report(pictures, in_memory=prepared.fits_memory(pictures.images))
        stored = [checked, contact_sheet(pictures)]
        st.session_state[_REPORT] = (now, *stored)
    return stored[0], stored[1]


def _pictures(source: str) -> PictureSet:
    """The pictures, read behind a progress bar and a Stop button if that takes a while."""
    with reading.progress(_stop, source) as tell:
        return prepared.prepared(source, prepared.form_of("whole", 3, _SIZE), tell)


def _stop(source: str) -> None:
    st.session_state[_STOPPED] = source


def show(source: str) -> None:
    """Everything about one set, unless its reading was stopped. Raises PicturesError."""
    if st.session_state.get(_STOPPED) == source:
        st.info(reading.stopped(_REST), icon=":material/stop_circle:")
        st.button(
            tr("Read the rest"),
            icon=":material/play_arrow:",
            key="pictures-read",
            on_click=st.session_state.pop,
            args=(_STOPPED,),
        )
        return
    checked, sheet = _reported(source)
    left, right = st.columns([1, 1], gap="large")
    with left:
        _key_figures(checked)
        train(source)
        for warning in checked.warnings():
            st.caption(f":material/info: {formatting.plain(tr(warning))}")
        _classes(checked)
    with right:
        title = tr("Some pictures of each class")
        st.image(sheet, caption=title, alt=title)
        if numbered := legend(tuple(one.name for one in checked.classes)):
            st.caption(formatting.plain(", ".join(f"{n} = {name}" for n, name in numbered.items())))


def _key_figures(checked: PictureReport) -> None:
    with st.container(horizontal=True, gap="large"):
        st.metric(tr("Pictures"), f"{checked.pictures:,}", width="content")
        st.metric(tr("Classes"), f"{len(checked.classes):,}", width="content")
        width, height = checked.median
        st.metric(tr("Median size, px"), f"{width}×{height}", width="content")
        st.metric(tr("Cannot be used"), f"{len(checked.damaged):,}", width="content")


def _classes(checked: PictureReport) -> None:
    table = pd.DataFrame([vars(one) for one in checked.classes])
    table.columns = [tr("class"), tr("pictures"), tr("train"), tr("validation"), tr("test")]
    st.dataframe(
        table, hide_index=True, height="content" if len(table) < 11 else 388, placeholder=""
    )


def train(source: str) -> None:
    """Two ways to train, the time each takes here, and the button."""
    way = st.radio(
        tr("Train"),
        list(WAYS),
        format_func=lambda each: tr(WAYS[each]),
        captions=[_caption(each, source) for each in WAYS],
        key="pictures-way",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            tr("Train on these"), type="primary", icon=":material/play_arrow:", key="pictures-train"
        ):
            start(source, way)
        st.page_link(
            "pages/train.py",
            label=tr("Change the recipe first"),
            icon=":material/tune:",
            query_params={"preset": way, "pictures": source},
        )


def _caption(way: str, source: str) -> str:
    preset = PRESETS[way]
    spec, recipe = recipe_options.for_pictures(preset.spec, replace(preset.train, pictures=source))
    seconds = cost.estimate(spec, recipe).seconds(recipe.epochs)
    if seconds is None:
        return tr(_WHY[way])
    most = formatting.rough_duration(seconds)
    return tr("{why} At most {time} here.", why=tr(_WHY[way]), time=tr("about {time}", time=most))


def start(source: str, way: str) -> None:
    """Launch the training and go to its page. Raises ValueError if that is not possible."""
    requests = st.session_state.setdefault(_REQUEST, {})
    request = requests.setdefault((source, way), uuid.uuid4().hex)
    preset = PRESETS[way]
    spec, recipe = recipe_options.for_pictures(preset.spec, replace(preset.train, pictures=source))
    started = runs.launch(
        spec,
        recipe,
        preset=way,
        name=runs.free_name(runs.slug(source) or "own"),
        visitor=deployment.visitor(),
        request=request,
        limits=deployment.limits(),
    )
    del requests[source, way]
    st.switch_page("pages/train.py", query_params={"run": started.name})
