"""A group of runs on the Train page: one curve with its spread over the seeds, and the runs."""

import streamlit as st

from dashboard.shared import formatting
from dashboard.shared.language import paragraph, sentence, tr
from dashboard.shared.run_metrics import metrics_of
from dashboard.train import actions, charts, panel, table
from vggcore import runs
from vggcore.runs import curves


def show(name: str) -> None:
    """The group's screen. It is refreshed every second while one of its runs is living."""
    try:
        group = runs.group(name)
    except runs.RunError as error:
        st.error(formatting.plain(sentence(error)))
        return
    living = any(run.living for run in group.runs)
    every = panel.POLL_SECONDS if living else None
    st.fragment(_screen, run_every=every)(name, living, table.column_order())


def _screen(name: str, was_living: bool, order: table.Order) -> None:
    try:
        group = runs.group(name)
    except runs.RunError:
        st.rerun()  # its last run was deleted
    if any(run.living for run in group.runs) != was_living:
        st.rerun()
    st.subheader(formatting.plain(group.name), anchor=False)
    seeds = [str(run.train.seed if run.train else "?") for run in group.runs]
    st.caption(
        tr(
            "{count} runs that differ only in their seeds: {seeds}",
            count=len(group.runs),
            seeds=", ".join(seeds),
        )
    )
    _buttons(group)
    _progress(group)
    validation, test = group.spread("val_accuracy"), group.spread("test_accuracy")
    finished, count = len(group.finished), len(group.runs)
    epochs = [metrics_of(run).epochs() for run in group.finished or group.runs]
    epochs = [rows for rows in epochs if rows]
    validated = min(filter(None, map(panel.validated_on, epochs)), default=None)
    cards = [run.card for run in group.finished]
    tested = min((card.test_images for card in cards if card and card.test_images), default=None)
    for column, (label, value, on) in zip(
        st.columns(3),
        (
            (
                tr("Validation accuracy"),
                formatting.spread(validation),
                formatting.measured_on(validation.mean, validated),
            ),
            (
                tr("Test accuracy"),
                formatting.spread(test),
                formatting.measured_on(test.mean, tested),
            ),
            (tr("Finished runs"), tr("{done} of {count}", done=finished, count=count), None),
        ),
        strict=True,
    ):
        column.metric(label, value, on, delta_color="off", delta_arrow="off")
    st.caption(paragraph(*_counted(group)))
    if epochs:
        look, with_reference = panel.look_controls(
            f"look-group-{name}", offer_reference=panel.on_fashion_mnist(group.runs[0])
        )
        reference = panel.tutorial() if with_reference else None
        for column, metric in zip(st.columns(2), ("loss", "accuracy"), strict=True):
            figure = charts.spread_over_runs(group.name, epochs, metric, look, reference)
            column.plotly_chart(figure, key=f"group-{name}-{metric}")
    else:
        st.info(tr("The first points come after the first epoch."), icon=":material/hourglass_top:")
    st.dataframe(
        table.as_table(list(group.runs)).drop(columns=["network", "recipe", "data"]),
        hide_index=True,
        key=f"group-{name}-runs",
        column_config=table.columns(),
        column_order=order,
        placeholder="",
    )
    with st.container(horizontal=True):
        for run in group.runs:
            st.page_link(
                "pages/train.py", label=formatting.plain(run.name), query_params={"run": run.name}
            )


def _counted(group: runs.Group) -> list[str]:
    """Which runs the numbers and the curves are of, as sentences."""
    others = [run for run in group.runs if run not in group.finished]
    sentences = [tr("Mean ± standard deviation over the finished runs.")]
    if others:
        named = ", ".join(
            tr("{name} ({state})", name=run.name, state=tr(run.state)) for run in others
        )
        sentences.append(tr("Not counted: {runs}.", runs=formatting.plain(named)))
    if not group.finished:
        sentences.append(tr("Until one has finished, the curves are those of all runs."))
    return sentences


def _buttons(group: runs.Group) -> None:
    """What can be done with all of its runs at once."""
    living = [run for run in group.runs if run.living]
    with st.container(horizontal=True, vertical_alignment="center"):
        if living:
            if st.button(
                tr("Stop all"),
                icon=":material/stop_circle:",
                key=f"stop-group-{group.name}",
                type="primary",
                disabled=all(run.state == "stopping" for run in living),
                help=tr("Saves and stops the runs; you can resume each at its exact step"),
            ):
                actions.stop(*(run.name for run in living))
        logs = {run.name: metrics_of(run) for run in group.runs}
        if any(log.epochs() for log in logs.values()):
            actions.metrics_download(logs, group.name)
        if not living and st.button(
            tr("Delete all"), icon=":material/delete:", key=f"delete-group-{group.name}"
        ):
            actions.ask("delete", [run.name for run in group.runs])


def _progress(group: runs.Group) -> None:
    """How far the runs that train or have finished are together, and how long the rest takes."""
    living = [run for run in group.runs if run.living]
    if not living:
        return
    counted = len(living) + len(group.finished)
    parts = [tr("{done} of {count} runs finished", done=len(group.finished), count=counted)]
    speeds = [curves.recent_speed(metrics_of(run).steps()) for run in living]
    if speed := sum(filter(None, speeds)):
        # A run that waits does not know its steps yet; they are those of the others.
        total = max(run.status.total_steps for run in group.runs)
        left = sum(total - run.status.step for run in living) / speed
        parts.append(tr("about {time} left", time=formatting.duration(left)))
    share = (len(group.finished) + sum(run.status.share for run in living)) / counted
    st.progress(share, text=" · ".join(parts))
