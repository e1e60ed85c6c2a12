"""A group of runs on the Train page: one curve with its spread over the seeds, and the runs."""

import streamlit as st

from dashboard.shared import formatting
from dashboard.shared.language import sentence, tr
from dashboard.shared.run_metrics import metrics_of
from dashboard.train import charts, panel, table
from vggcore import runs


def show(name: str) -> None:
    """The group's screen. It is refreshed every second while one of its runs is living."""
    try:
        group = runs.group(name)
    except runs.RunError as error:
        st.error(formatting.plain(sentence(error)))
        return
    living = any(run.living for run in group.runs)
    st.fragment(_screen, run_every=panel.POLL_SECONDS if living else None)(name, living)


def _screen(name: str, was_living: bool) -> None:
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
    validation, test = group.spread("val_accuracy"), group.spread("test_accuracy")
    done = sum(not run.living for run in group.runs)
    for column, (label, value) in zip(
        st.columns(3),
        (
            (tr("Validation accuracy"), formatting.spread(validation)),
            (tr("Test accuracy"), formatting.spread(test)),
            (tr("Runs done"), tr("{done} of {count}", done=done, count=len(group.runs))),
        ),
        strict=True,
    ):
        column.metric(label, value)
    st.caption(tr("Mean ± standard deviation over the runs that have a score."))
    logs = [metrics_of(run) for run in group.runs]
    if any(log.epochs() for log in logs):
        look, with_reference = panel.look_controls(
            f"look-group-{name}", offer_reference=panel.on_fashion_mnist(group.runs[0])
        )
        reference = panel.tutorial() if with_reference else None
        for column, metric in zip(st.columns(2), ("loss", "accuracy"), strict=True):
            figure = charts.spread_over_runs(
                group.name, [log.epochs() for log in logs], metric, look, reference
            )
            column.plotly_chart(figure, key=f"group-{name}-{metric}")
    else:
        st.info(tr("The first points come after the first epoch."), icon=":material/hourglass_top:")
    st.dataframe(
        table.as_table(list(group.runs)).drop(columns=["network", "recipe", "data"]),
        hide_index=True,
        key=f"group-{name}-runs",
        column_config=table.columns(),
    )
    with st.container(horizontal=True):
        for run in group.runs:
            st.page_link(
                "pages/train.py", label=formatting.plain(run.name), query_params={"run": run.name}
            )
