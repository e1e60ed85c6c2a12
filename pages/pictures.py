"""Your pictures: bring or collect pictures of your own classes, and train a network on them."""

from collections.abc import Callable

import streamlit as st

from dashboard.pictures import collect, corrections, panel
from dashboard.shared import address, deployment, formatting, language
from dashboard.shared.internals import (
    keep_uploads_in_memory,
    take_uploads_up_to,
    through_entry_point,
)
from dashboard.shared.language import N_, sentence, tr
from vggcore import runs
from vggcore.data.own import known_sets, places

MAX_ZIP_MB = 200
PROBLEM = "pictures-problem"  # the last action's message, shown after the rerun


def stored_sets() -> None:
    """Named sets: choose one, see its report, train on it."""
    names = places.names()
    if not names:
        st.info(tr("No pictures are kept yet: collect some, or upload a zip."))
    known = list(known_sets.NAMES)
    chosen = st.selectbox(
        tr("Pictures"),
        [*names, *known],
        index=0 if names else None,
        placeholder=tr("choose a set"),
        key="set",
        bind="query-params",
        format_func=lambda name: tr("{name} (download)", name=name) if name in known else name,
    )
    if not chosen:
        return
    try:
        panel.show(chosen)
    except ValueError as error:  # it can still be deleted
        st.error(formatting.plain(sentence(error)), icon=":material/block:")
    if chosen in names and st.button(
        tr("Delete these pictures"), icon=":material/delete:", key="pictures-delete"
    ):
        delete(chosen)


@st.dialog(" ")
def delete(name: str) -> None:
    st.write(
        tr("Delete {name} for good? Networks trained on it are kept.", name=formatting.plain(name))
    )
    pressed = st.button(
        tr("Delete"),
        type="primary",
        icon=":material/delete:",
        key="delete-set",
        on_click=forget,
        args=(name,),
    )
    if pressed:
        st.rerun()  # closes the dialog


def forget(name: str) -> None:
    places.delete(name)
    st.session_state.pop("set", None)
    st.query_params.pop("set", None)


def uploaded() -> None:
    """A zip of class folders."""
    take_uploads_up_to(MAX_ZIP_MB)
    st.write(
        tr(
            "A zip with one folder for each class, named after the class, with its "
            "pictures inside. If these are in folders named `train`, `validation` and `test`, "
            "that split is kept."
        )
    )
    file = st.file_uploader(
        language.with_limit(tr("Zip of class folders"), MAX_ZIP_MB),
        "zip",
        max_upload_size=MAX_ZIP_MB,
        key="zip",
    )
    typed = st.text_input(
        tr("Name"),
        max_chars=63,
        placeholder=runs.slug(file.name[:-4]) if file else "",
        key="zip-name",
    )
    name = runs.slug(typed) or (runs.slug(file.name[:-4]) if file else "")
    st.button(
        tr("Keep these pictures"),
        type="primary",
        disabled=not (file and name),
        key="zip-keep",
        on_click=go_on_with,
        args=(name, lambda: places.keep_zip(name, file.getvalue() if file else b"")),
    )


def collected() -> None:
    """Classes collected on the page, and the button that saves them."""
    collect.show()
    if not collect.collected():
        return
    st.divider()
    typed = st.text_input(
        tr("Name of these pictures"), max_chars=63, placeholder="my-classes", key="collect-name"
    )
    name = runs.slug(typed) or free_name("my-classes")
    if not collect.ready():
        st.caption(
            tr("You need at least two classes with three pictures each; ten each are better.")
        )
    st.button(
        tr("Keep and go on to training"),
        type="primary",
        icon=":material/arrow_forward:",
        disabled=not collect.ready(),
        key="collect-keep",
        on_click=go_on_with,
        args=(name, lambda: collect.keep(name)),
    )


def free_name(stem: str) -> str:
    names, number = places.names(), 2
    name = stem
    while name in names:
        name, number = f"{stem}-{number}", number + 1
    return name


def go_on_with(name: str, keep: Callable[[], object]) -> None:
    """Save a set and show it; errors are shown on the page that follows."""
    try:
        keep()
    except ValueError as error:
        st.session_state[PROBLEM] = sentence(error)
    else:
        st.session_state["from"] = "Kept"
        st.session_state["set"] = name


SECTIONS = {
    N_("Kept"): stored_sets,
    N_("Collect"): collected,
    N_("Upload"): uploaded,
    N_("Corrections"): corrections.show,
}
through_entry_point()
keep_uploads_in_memory()
address.take(panel.PARAMETERS)
st.title(tr("Your pictures"), anchor=False)
if deployment.limits().public:  # the address was typed
    st.info(
        tr("To use your own pictures, run the dashboard yourself: this one is public."),
        icon=":material/lock:",
    )
    st.stop()
st.write(
    tr(
        "Teach a network classes of your own: show it pictures, train it, and try it on the "
        "Classify page."
    )
)
language.from_address("from", SECTIONS)
section = st.segmented_control(
    tr("Pictures from"),
    SECTIONS,
    format_func=tr,
    default="Kept" if places.names() else "Collect",
    required=True,
    key="from",
    bind="query-params",
    label_visibility="collapsed",
)
if problem := st.session_state.pop(PROBLEM, ""):
    st.error(formatting.plain(problem), icon=":material/block:")
try:
    SECTIONS[section]()
except ValueError as error:
    st.error(formatting.plain(sentence(error)), icon=":material/block:")
