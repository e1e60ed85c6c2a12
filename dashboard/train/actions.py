"""Actions on a run: stop, resume, run again, rename, delete, promote, download."""

import json
from contextlib import suppress
from functools import partial

import pandas as pd
import streamlit as st

from dashboard.shared import deployment, formatting, language, links
from dashboard.shared import downloads as shared_downloads
from dashboard.shared.language import sentence, tr
from vggcore import runs
from vggcore.machine import paths
from vggcore.model import checkpoints
from vggcore.runs import Run, tensorboard
from vggcore.runs.metrics import MetricsLog
from vggcore.runs.names import BEST, LAST

_ASKED = "train-dialog"  # (question, run names): the dialog to open when the page next runs
_TRIED = "train-message"  # the last action's message, shown once after the rerun


def attempt(action, *args, **kwargs):
    """Call something in `runs`; if it refuses, its error becomes a message on the next screen."""
    try:
        return action(*args, **kwargs)
    except ValueError as error:
        st.session_state[_TRIED] = sentence(error)
        return None


def tell() -> None:
    """Show the last action's error, if there was one."""
    if message := st.session_state.pop(_TRIED, ""):
        st.error(formatting.plain(message), icon=":material/block:")


def ask(question: str, names: list[str]) -> None:
    """Open a dialog when the page next runs, outside any polling fragment, which would close it."""
    st.session_state[_ASKED] = (question, names)
    st.rerun()


def open_dialog() -> None:
    """Open the dialog that was asked for, if one was."""
    question, names = st.session_state.pop(_ASKED, ("", []))
    if question == "delete":
        st.dialog(tr("Delete for good?"))(_delete_dialog)(names)
    elif question == "rename":
        st.dialog(tr("Rename run"))(_rename_dialog)(names[0])
    elif question == "promote":
        st.dialog(tr("Promote to a checkpoint"))(_promote_dialog)(names[0])


def buttons(run: Run) -> None:
    """The actions that are possible now, in a row."""
    name = run.name
    with st.container(horizontal=True, vertical_alignment="center"):
        if run.living:
            label = tr("Cancel") if run.state == "queued" else tr("Stop")
            if st.button(
                label,
                icon=":material/stop_circle:",
                key=f"stop-{name}",
                type="primary",
                disabled=run.state == "stopping",
                help=tr("Saves and stops the run; you can resume it at this exact step"),
            ):
                stop(name)
            return
        if run.resumable and st.button(
            tr("Resume"), icon=":material/play_circle:", key=f"resume-{name}", type="primary"
        ):
            _with_visitor(runs.resume, name)
        if run.has_best:
            st.page_link(
                "pages/classify.py",
                label=tr("Open in Classify"),
                icon=":material/draw:",
                query_params={"network": name},
            )
            st.page_link(
                "pages/results.py",
                label=tr("See its results"),
                icon=":material/insights:",
                query_params={"network": name},
            )
        if run.config and not deployment.limits().public:
            if run.has_best and run.state == runs.State.FINISHED:
                links.longer(run)
            links.changed_run(tr("Change and run again"), run)
        if run.config and st.button(
            tr("Run again"),
            icon=":material/replay:",
            key=f"again-{name}",
            help=tr("The same network, recipe and seed, as a new run"),
        ):
            again(run)
        if run.has_best and st.button(
            tr("Promote"), icon=":material/publish:", key=f"promote-{name}"
        ):
            ask("promote", [name])
        if st.button(tr("Rename"), icon=":material/edit:", key=f"rename-{name}"):
            ask("rename", [name])
        if st.button(tr("Delete"), icon=":material/delete:", key=f"delete-{name}"):
            ask("delete", [name])


def stop(*names: str) -> None:
    _with_visitor(runs.stop, *names)


def _with_visitor(action, *names: str) -> None:
    for name in names:
        attempt(action, name, visitor=deployment.visitor(), limits=deployment.limits())
    st.rerun()


def again(run: Run) -> None:
    """Launch the same run again, and go to the new run."""
    spec, train = run.spec, run.train
    assert spec and train, "a damaged run has no such button"
    started = attempt(
        lambda: runs.launch(
            spec,
            train,
            preset=run.preset,
            processes=runs.processes_of(run.path),
            on_cluster=run.on_cluster,
            visitor=deployment.visitor(),
            limits=deployment.limits(),
        )
    )
    if started:
        language.go_on_with({"run": started.name})
    st.rerun()


def _rename_dialog(name: str) -> None:
    typed = st.text_input(tr("New name"), value=name, max_chars=63)
    new_name = runs.slug(typed)
    if new_name and new_name != typed:
        st.caption(tr("Will be called `{name}`.", name=new_name))
    limits = deployment.limits()
    password = deployment.ask_password(limits, "rename-password")
    if st.button(
        tr("Rename"), type="primary", disabled=new_name in ("", name), key="rename-confirm"
    ):
        if attempt(runs.rename, name, new_name, password=password, limits=limits):
            if "run" in st.query_params:
                st.query_params["run"] = new_name
        st.rerun()


def _delete_dialog(names: list[str]) -> None:
    folders = [paths.runs_dir() / name for name in names]
    total = sum(runs.disk_bytes(folder) for folder in folders)
    st.write(
        tr(
            "{names}: curves and checkpoints, {size}.",
            names=formatting.plain(", ".join(names)),
            size=formatting.size(total),
        )
    )
    limits = deployment.limits()
    password = deployment.ask_password(limits, "delete-password")
    if st.button(tr("Delete"), type="primary", icon=":material/delete:", key="delete-confirm"):
        for name in names:
            attempt(runs.delete, name, password=password, limits=limits)
        for parameter in ("run", "group"):
            st.query_params.pop(parameter, None)
        st.rerun()


def _promote_dialog(name: str) -> None:
    st.write(tr("Copies the best weights and their card to where Classify finds checkpoints."))
    typed = st.text_input(tr("Name of the checkpoint"), value=f"{name[:58]}-best", max_chars=63)
    limits = deployment.limits()
    password = deployment.ask_password(limits, "promote-password")
    if st.button(
        tr("Promote"), type="primary", disabled=not runs.slug(typed), key="promote-confirm"
    ):
        if attempt(runs.promote, name, runs.slug(typed), password=password, limits=limits):
            st.toast(tr("Promoted as {slug}", slug=runs.slug(typed)), icon=":material/publish:")
        st.rerun()


def notes(run: Run) -> None:
    """What people write about a run, to edit."""
    with st.expander(tr("Note and tags"), icon=":material/edit_note:"):
        written = run.notes
        known = {tag for other in runs.list_runs() for tag in other.notes.tags}
        with st.form(f"notes-{run.name}", border=False):
            note = st.text_area(tr("Note"), written.note, max_chars=2_000, key=f"note-{run.name}")
            tags = st.multiselect(
                tr("Tags"),
                sorted(known),
                list(written.tags),
                accept_new_options=True,
                key=f"tags-{run.name}",
                placeholder=tr("Choose or type"),
            )
            limits = deployment.limits()
            password = deployment.ask_password(limits, f"notes-password-{run.name}")
            if st.form_submit_button(tr("Save"), icon=":material/save:"):
                attempt(_write, run.name, note, tags, password, limits)
                st.rerun(scope="app")


def _write(name: str, note: str, tags: list[str], password: str, limits) -> None:
    written = runs.Notes(note=note, tags=tuple(tags))
    runs.write_notes(name, written, password=password, limits=limits)


def downloads(run: Run, log: MetricsLog) -> None:
    """Downloads of weights, card and curves. Files are read only when the button is pressed."""
    best = run.path / BEST
    with st.expander(tr("Download"), icon=":material/download:"), st.container(horizontal=True):
        with suppress(checkpoints.CheckpointError):  # none yet
            shared_downloads.buttons(best, checkpoints.read_card(best), run.name)
        if (last := run.path / LAST).is_file():
            _download(run.name, tr("Last state (resumable)"), LAST, last.read_bytes)
        metrics_download({run.name: log}, run.name)
        if tensorboard.available():
            _download(run.name, "TensorBoard", "tensorboard.zip", lambda: tensorboard.zipped(log))
        else:
            st.button(
                "TensorBoard",
                disabled=True,
                icon=":material/download:",
                key=f"tb-{run.name}",
                help=tr("Needs the optional package: `pip install tensorboard`"),
            )


def metrics_download(logs: dict[str, MetricsLog], stem: str) -> None:
    """A button for the curves of these runs as one table. stem: of the file's name."""
    _download(stem, tr("Metrics (CSV)"), "metrics.csv", partial(metrics_csv, logs))


def _download(stem: str, label: str, file_name: str, content) -> None:
    st.download_button(
        label,
        content,
        file_name=f"{stem}-{file_name}",
        key=f"download-{stem}-{file_name}",
        icon=":material/download:",
        on_click="ignore",
    )


def metrics_csv(logs: dict[str, MetricsLog]) -> bytes:
    """Step rows and epoch rows of these runs in one table: run after run, in order of steps."""
    tables = []
    for name, log in logs.items():
        epochs = pd.DataFrame(log.epochs())
        for column in {"confusion", "samples"} & set(epochs):
            epochs[column] = epochs[column].map(json.dumps)
        steps = log.steps().assign(kind="step")
        both = pd.concat([steps, epochs]) if len(epochs) else steps
        both = both.sort_values("step", kind="stable")
        both.insert(0, "run", name)
        tables.append(both)
    return pd.concat(tables).to_csv(index=False).encode()
