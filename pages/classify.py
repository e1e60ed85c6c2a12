"""Classify: draw, upload, photograph, paste or take a sample, and see the network's answer."""

import streamlit as st
from PIL import Image

from dashboard.classify import panel, photo
from dashboard.classify.canvas import canvas, pasted_picture, sent_drawing
from dashboard.shared import (
    address,
    copy_link,
    downloads,
    formatting,
    language,
    links,
    network_choice,
)
from dashboard.shared.internals import keep_uploads_in_memory, through_entry_point
from dashboard.shared.language import N_, sentence, tr
from dashboard.shared.thumbnails import strip
from vggcore import runs
from vggcore.answers import test_data
from vggcore.answers.classifier import Classifier
from vggcore.data.raw_files import DataMissing
from vggcore.model.checkpoints import CheckpointError
from vggcore.pictures.decode import EXTENSIONS, ImageError, open_image
from vggcore.pictures.strokes import StrokeError, parse_strokes, render

MAX_FILES, MAX_FILE_MB = 12, 20
MAX_KEPT_BYTES = 40_000_000  # per visitor
GARMENTS = N_(
    "Draw a garment, or show a photo of one: on the floor, on a hanger, or worn by a "
    "person. The network answers at once, shows what it saw, and says so when it is "
    "unsure. It knows ten kinds; hats, skirts, shorts, socks and gloves are not among "
    "them. Your pictures stay in this session's memory only."
)
# On a phone, the canvas comes before what is said about the page, and sources fit on one line.
LAYOUT = """<style>
@media (max-width: 640px) {
  :has(> .st-key-introduction) { order: 1; }
  .st-key-source button { padding-inline: .55rem; }
}
</style>"""
MOST_NAMED = 12  # classes listed in the introduction
LAST_SAMPLE = "sample-last"  # in the session: the number of the last sample
KEPT = "uploaded"  # in the session: names and contents of the pictures

through_entry_point()
keep_uploads_in_memory()
address.take(panel.PARAMETERS)
st.title(tr("Classify"))
introduction = st.container(key="introduction")  # on phones below the rest
choices = st.container(horizontal=True, vertical_alignment="bottom")
with choices:
    names = network_choice.choose(runs.trained_networks())
st.html(LAYOUT)
try:
    networks = {network_choice.label_of(name): panel.classifier(name) for name in names}
except CheckpointError as error:
    st.error(sentence(error))
    st.stop()


def introduce(network: Classifier) -> None:
    """Which classes it can name."""
    if not test_data.is_own(network.checkpoint.card):
        introduction.write(tr(GARMENTS))
        return
    known = ", ".join(map(tr, network.classes[:MOST_NAMED]))
    more = len(network.classes) - MOST_NAMED
    introduction.write(
        formatting.plain(
            tr("This network learnt from its owner's pictures. It knows {known}.", known=known)
            if more <= 0
            else tr(
                "This network learnt from its owner's pictures. It knows {known} and "
                "{more:,} more.",
                known=known,
                more=more,
            )
        )
    )


@st.fragment
def draw(drawing: str) -> None:
    """The canvas beside its answer. Only this part reruns after a stroke."""
    canvas_side, answer_side = st.columns(2)
    with answer_side:
        answer = answer_drawing(sent_drawing("canvas", drawing))
    with canvas_side:
        canvas("canvas", drawing, answer)


def answer_drawing(sent) -> str:
    """Show the answer for the canvas's last drawing; returns the answer in short."""
    try:
        strokes = parse_strokes(sent) if sent else []
    except StrokeError as error:
        st.error(tr("This drawing cannot be used: {error}", error=error))
        return ""
    # Kept as text so that it is still there when the visitor comes back to this page.
    st.session_state["drawing"] = sent if isinstance(sent, str) else ""
    if not strokes:
        own = test_data.is_own(next(iter(networks.values())).checkpoint.card)
        st.info(
            tr("Draw one of the things that it knows.")
            if own
            else tr("Draw a garment: its outline is enough, and you may fill it.")
        )
        return ""
    answer = panel.show(Image.fromarray(render(strokes)), networks, "drawing")
    return formatting.sentence(panel.in_short(answer))


@st.fragment
def card(data: bytes, caption: str, key: str) -> None:
    """One photo beside its answer."""
    with st.container(border=True):
        try:
            picture = open_image(data)
        except ImageError as error:
            st.error(tr("{name}: {error}", name=caption, error=error))
            return
        photo.card(picture, networks, caption, key)


def upload() -> None:
    files = st.file_uploader(
        language.with_limit(tr("Pictures of garments, or of drawings on paper"), MAX_FILE_MB),
        EXTENSIONS,
        key="files",
        accept_multiple_files=True,
        max_upload_size=MAX_FILE_MB,
        on_change=forget_if_removed,
    )
    if len(files) > MAX_FILES:
        st.warning(tr("Only the first {count} pictures are looked at.", count=MAX_FILES))
    if files:
        st.session_state[KEPT] = within_limit([(f.name, f.getvalue()) for f in files[:MAX_FILES]])
    elif st.session_state.get(KEPT) and st.button(tr("Remove these pictures"), key="remove-kept"):
        del st.session_state[KEPT]
    # Streamlit forgets an uploader's files when another page is visited; the session keeps them.
    stored = st.session_state.get(KEPT, [])
    for (name, data), key in zip(
        stored, photo.keys_of("file", [d for _, d in stored]), strict=True
    ):
        card(data, name, key)


def within_limit(pictures: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The first uploads, as many as a session may keep in memory."""
    accepted: list[tuple[str, bytes]] = []
    total = 0
    for name, data in pictures:
        total += len(data)
        if total > MAX_KEPT_BYTES:
            st.warning(
                tr(
                    "Only the first {count} pictures are looked at: more would be too "
                    "large together.",
                    count=len(accepted),
                )
            )
            break
        accepted.append((name, data))
    return accepted


def forget_if_removed() -> None:
    """Forget the uploads after the visitor took the last file out of the uploader."""
    if not st.session_state["files"]:
        st.session_state.pop(KEPT, None)


def photograph() -> None:
    shot = st.camera_input(
        tr("A garment on a plain background works best"), resolution="720p", width=480
    )
    if shot:
        data = shot.getvalue()
        card(data, tr("Your photo"), *photo.keys_of("camera", [data]))


@st.fragment
def paste() -> None:
    try:
        data = pasted_picture("paste")
    except ImageError as error:
        st.error(sentence(error))
        return
    if data:
        card(data, tr("Pasted picture"), *photo.keys_of("pasted", [data]))


@st.fragment
def sample() -> None:
    """Images that no network was trained on, beside the right answer."""
    row = st.container(horizontal=True, vertical_alignment="bottom")  # on a phone, too
    network = next(iter(networks.values()))
    language.from_address("sample-class", network.classes)
    wanted = row.selectbox(
        tr("Class"),
        network.classes,
        format_func=tr,
        key="sample-class",
        persist_state="session",
        bind="query-params",
    )
    number = st.session_state[LAST_SAMPLE] = asked_number()
    if row.button(tr("Show another"), key="another"):
        number = st.session_state[LAST_SAMPLE] = (number + 1) % panel.MOST_SAMPLES
        st.query_params["sample-number"] = str(number)
    try:
        picture, origin = panel.sample(network, wanted, number)
    except DataMissing as error:
        st.info(sentence(error))
        return
    picture_side, answer_side = st.columns([1, 2], gap="large")
    picture_side.html(
        strip([(tr("{name} ({note})", name=tr(wanted), note=origin), picture)], side=240)
    )
    with answer_side:
        answer = panel.show(picture, networks, "sample", correctable=False)
        copy_link.button(
            "copy-link",
            network=names[0],
            source="Sample",
            sample_class=wanted,
            sample_number=str(number),
        )
        if answer.label != wanted and origin != tr("synthetic"):
            if not answer.unsure:
                links.confusion(names[0], wanted, answer.label)
            st.caption(tr("Test images cannot be corrected: they are only for judging networks."))


def asked_number() -> int:
    """The image of the class that a link asks for, or else the last one."""
    value = address.value("sample-number", panel.PARAMETERS["sample-number"])
    return st.session_state.get(LAST_SAMPLE, 0) if value is None else value


introduce(next(iter(networks.values())))
SOURCES = {
    N_("Draw"): lambda: draw(st.session_state.get("drawing", "")),
    N_("Upload"): upload,
    N_("Camera"): photograph,
    N_("Paste"): paste,
    N_("Sample"): sample,
}
language.from_address("source", SOURCES)
source = choices.segmented_control(
    tr("Picture from"),
    SOURCES,
    format_func=tr,
    default="Draw",
    required=True,
    key="source",
    bind="query-params",
    label_visibility="collapsed",
)
SOURCES[source]()
with st.container(horizontal=True):
    for name, (shown, network) in zip(names, networks.items(), strict=True):
        of = shown if len(names) > 1 else ""
        downloads.web_page(name, network.checkpoint.card, name, of=of)
