"""Collecting pictures of classes on the page: camera, canvas or files, kept in the session."""

from io import BytesIO
from typing import NamedTuple

import streamlit as st
from PIL import Image

from dashboard.classify.canvas import canvas, sent_drawing
from dashboard.pictures import reading
from dashboard.shared import formatting
from dashboard.shared.language import N_, sentence, tr, with_limit
from dashboard.shared.thumbnails import strip
from vggcore.data.own import listing, names, places, prepared, splits
from vggcore.machine.messages import Message
from vggcore.pictures.decode import EXTENSIONS, ImageError, open_image
from vggcore.pictures.strokes import StrokeError, parse_strokes, render

ENOUGH = 10  # pictures per class for a first try
MOST_CLASSES, MOST_PICTURES = 20, 60  # per session; per class
MAX_FILE_MB = 20
KEPT_SIDE = 256  # pixels of the longest side
_KEPT = "collected"  # in the session: pictures by class
_CLASS = "collect-class"
_NEW, _PROBLEM = "collect-new-class", "collect-problem"
_ROUND = "collect-round"  # counts pictures taken: each gets an empty camera or canvas


class Collected(NamedTuple):
    """One picture, as it is kept."""

    png: bytes
    small: Image.Image
    digest: str  # equal for equal pictures


def collected() -> dict[str, list[Collected]]:
    """The session's pictures by class."""
    return st.session_state.setdefault(_KEPT, {})


def ready() -> bool:
    """Whether there are enough pictures to train on."""
    pictures = collected().values()
    fewest = splits.MIN_PICTURES
    return len(pictures) >= listing.MIN_CLASSES and all(len(each) >= fewest for each in pictures)


def pictures() -> list[tuple[str, bytes]]:
    """All the pictures, as class and PNG."""
    return [(name, one.png) for name, several in collected().items() for one in several]


def show() -> None:
    """The classes, and ways to add pictures to the chosen one."""
    pictures = collected()
    st.write(
        tr(
            "Name at least two classes, and show each about {count} times (at least "
            "{least}), from several sides and on several backgrounds. The pictures last "
            "only as long as this session, unless you keep them.",
            count=ENOUGH,
            least=splits.MIN_PICTURES,
        )
    )
    with st.form("new-class", clear_on_submit=True, border=False):
        row = st.columns([3, 1], vertical_alignment="bottom")
        row[0].text_input(
            tr("New class"),
            max_chars=listing.MAX_NAME,
            placeholder=tr("such as: mug"),
            key=_NEW,
        )
        row[1].form_submit_button(
            tr("Add class"), icon=":material/add:", on_click=_add_class, width="stretch"
        )
    if problem := st.session_state.pop(_PROBLEM, ""):
        st.error(formatting.plain(problem))
    if not pictures:
        return
    if st.session_state.get(_CLASS) not in pictures:
        st.session_state[_CLASS] = next(iter(pictures))
    name = st.segmented_control(
        tr("Class"),
        list(pictures),
        format_func=lambda each: f"{formatting.plain(each)} · {len(pictures[each])}",
        required=True,
        key=_CLASS,
    )
    left, right = st.columns([2, 3], gap="large")
    with left:
        _take(name or next(iter(pictures)))
    with right:
        for each in pictures:
            _tiles(each)


def _add_class() -> None:
    """Add the name in the form as a class, if it is valid."""
    name = names.readable(str(st.session_state.get(_NEW, "")))
    pictures = collected()
    try:
        if not name:
            return
        places.check_class(name)
        if len(pictures) >= MOST_CLASSES:
            raise listing.PicturesError(
                Message("{count} classes at most are possible here", count=MOST_CLASSES)
            )
        if pictures:
            listing.check_classes([*pictures, name], "")
        pictures[name] = []
        st.session_state[_CLASS] = name
    except listing.PicturesError as error:
        st.session_state[_PROBLEM] = sentence(error)


def _take(name: str) -> None:
    """Camera, canvas or files to add a picture to a class."""
    ways = {N_("Camera"): _camera, N_("Draw"): _draw, N_("Files"): _files}
    way = st.segmented_control(
        tr("Pictures from"),
        list(ways),
        default="Camera",
        required=True,
        format_func=tr,
        key="collect-way",
    )
    if len(collected()[name]) >= MOST_PICTURES:
        st.info(tr("At most {count} pictures of a class are possible here.", count=MOST_PICTURES))
        return
    ways[way](name, st.session_state.get(_ROUND, 0))


def _camera(name: str, number: int) -> None:
    photo = st.camera_input(
        tr("A picture of {name}", name=formatting.plain(name)), key=f"collect-camera-{number}"
    )
    if photo:
        _keep(name, [photo.getvalue()])


def _draw(name: str, number: int) -> None:
    key = f"collect-canvas-{number}"
    canvas(key)
    try:
        sent = sent_drawing(key)
        strokes = parse_strokes(sent) if sent else []
    except StrokeError as error:
        st.error(sentence(error))
        return
    if st.button(
        tr("Add this drawing"),
        icon=":material/add:",
        disabled=not strokes,
        key="collect-add-drawing",
    ):
        try:
            _append(name, Image.fromarray(render(strokes)).convert("RGB"))
        except ImageError as error:
            st.session_state[_PROBLEM] = sentence(error)
        _next()


def _files(name: str, number: int) -> None:
    files = st.file_uploader(
        with_limit(tr("Pictures of {name}", name=formatting.plain(name)), MAX_FILE_MB),
        EXTENSIONS,
        accept_multiple_files=True,
        max_upload_size=MAX_FILE_MB,
        key=f"collect-files-{number}",
    )
    if files:
        _keep(name, [file.getvalue() for file in files])


def _keep(name: str, contents: list[bytes]) -> None:
    """Keep decoded pictures, and start again with an empty camera."""
    problems = []
    with reading.progress(_stop) as tell:
        for number, content in enumerate(contents):
            if number:
                tell(number, len(contents))
            if len(collected()[name]) >= MOST_PICTURES:
                break
            try:
                _append(name, open_image(content, KEPT_SIDE))
            except ImageError as error:
                problems.append(tr(error))
    if problems:
        st.session_state[_PROBLEM] = tr(
            "{count} of {all} could not be used: {why}",
            count=len(problems),
            all=len(contents),
            why=problems[0],
        )
    _next()


def _stop() -> None:
    _empty()
    st.session_state[_PROBLEM] = reading.stopped(
        N_("Stopped: {done} of {total} pictures have been added.")
    )


def _append(name: str, picture: Image.Image) -> None:
    several, digest = collected()[name], prepared.digest(picture)
    if digest in {one.digest for one in several}:
        raise ImageError(
            Message("this picture is there already: change something, and take another")
        )
    if len(several) < MOST_PICTURES:
        stream = BytesIO()
        picture.save(stream, "PNG")
        small = picture.copy()
        small.thumbnail((128, 128))
        several.append(Collected(stream.getvalue(), small, digest))


def _empty() -> None:
    """Start again with an empty camera, canvas or uploader."""
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def _next() -> None:
    _empty()
    st.rerun()


def _tiles(name: str) -> None:
    """The pictures of a class so far, and buttons to remove some."""
    several = collected()[name]
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                tr(
                    "**{name}** · pictures: {count}",
                    name=formatting.plain(name),
                    count=len(several),
                )
            )
            if several and st.button(
                tr("Remove the last picture"),
                icon=":material/undo:",
                key=f"collect-undo-{name}",
                type="tertiary",
            ):
                several.pop()
                st.rerun()
            if st.button(
                tr("Remove this class"),
                icon=":material/delete:",
                key=f"collect-remove-{name}",
                type="tertiary",
            ):
                del collected()[name]
                st.rerun()
        if several:
            st.html(strip([(str(n), one.small) for n, one in enumerate(several, start=1)], side=56))


def keep(name: str) -> None:
    """Save the pictures under a name, where trainings find them.

    Raises PicturesError; the pictures then stay as they are.
    """
    by_class = collected()
    each = [(n, one.digest) for n, several in enumerate(by_class.values()) for one in several]
    labels, digests = [label for label, _ in each], [digest for _, digest in each]
    none = [""] * len(each)
    splits.split(labels, digests, none, none, list(by_class), seed=0)  # a trial
    places.keep_pictures(name, pictures())
    st.session_state.pop(_KEPT)
