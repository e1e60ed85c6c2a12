"""Train: start a run in the background, watch it, stop it, resume it, compare runs."""

import uuid

import streamlit as st

from dashboard.shared import address, deployment, formatting, language, screen
from dashboard.shared.internals import take_over_address, through_entry_point
from dashboard.shared.language import tr
from dashboard.train import actions, controls, forecast, form, group_panel, panel, table
from dashboard.train.planned_run import PlannedRun
from vggcore import runs
from vggcore.runs import recorded

REQUEST = "train-request"  # one per filled-in form: a second click on the button starts nothing


def start(planned: PlannedRun) -> None:
    """Launch the run in the form and go to its page."""
    request = st.session_state.setdefault(REQUEST, uuid.uuid4().hex)
    several = (runs.launch_seeds, planned.seeds) if planned.seeds > 1 else (runs.launch,)
    launch, *seeds = several
    started = actions.attempt(
        launch,
        planned.spec,
        planned.train,
        *seeds,
        name=planned.name,
        preset=planned.preset,
        processes=planned.processes,
        on_cluster=planned.on_cluster,
        visitor=deployment.visitor(),
        request=request,
        limits=deployment.limits(),
    )
    if started:
        del st.session_state[REQUEST]
        language.go_on_with({"group" if planned.seeds > 1 else "run": started.name})
    st.rerun()


def new_run() -> None:
    """The form and its button."""
    st.subheader(tr("Start a run"), anchor=False)
    limits = deployment.limits()
    if limits.public and not limits.training:
        st.info(
            tr(
                "Training is turned off on this public page. Look at the "
                "recorded runs, or clone the project and train on your own "
                "machine."
            ),
            icon=":material/lock:",
        )
        return
    planned = form.fill_in(limits, wanted)
    if planned.problem:
        st.error(formatting.plain(planned.problem))
    elif planned.missing:
        st.warning(
            tr(
                "{device} is not on this machine: choose another device, or start the run in a "
                "terminal of the machine that has it.",
                device=formatting.plain(planned.missing),
            )
        )
    else:
        forecast.show(planned)
    if st.button(
        tr("Start training"),
        type="primary",
        icon=":material/play_arrow:",
        disabled=bool(planned.problem or planned.missing),
        key="train-start",
    ):
        start(planned)
    if not planned.problem:
        label = tr("The same in a terminal")
        terminal = screen.expander("train-terminal", label, ":material/terminal:")
        if terminal.open:
            terminal.code(planned.command(), language="bash", wrap_lines=True)


def recorded_runs() -> None:
    """Links to the runs that ship with the project."""
    st.subheader(tr("Recorded runs"), anchor=False)
    for name in recorded.names():
        recording = recorded.load(name)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link(
                "pages/train.py",
                label=formatting.plain(tr(recording.title)),
                icon=":material/history:",
                query_params={"recorded": name},
            )
            st.caption(formatting.plain(tr(recording.label)))


through_entry_point()
a_run = {"run", "group", "recorded"} & set(st.query_params)
wanted = address.take(controls.PARAMETERS, tell=bool(a_run))  # the form itself says what it ignores
take_over_address()
st.title(tr("Train"), anchor=False)
actions.tell()
actions.open_dialog()
chosen, chosen_recording = wanted.get("run"), wanted.get("recorded")
chosen_group = wanted.get("group")
if chosen or chosen_recording or chosen_group:
    st.page_link("pages/train.py", label=tr("All runs"), icon=":material/arrow_back:")
if chosen:
    panel.show(chosen)
elif chosen_group:
    group_panel.show(chosen_group)
elif chosen_recording:
    panel.show_recording(chosen_recording)
else:
    left, right = st.columns([5, 8], gap="large")
    with left:
        new_run()
    with right:
        st.subheader(tr("Runs"), anchor=False)
        table.show()
        recorded_runs()
