"""The runs on the Train page: living ones as cards, and a table of all of them to choose from."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pandas as pd
import streamlit as st

from dashboard.shared import formatting, screen
from dashboard.shared.language import N_, sentence, tr
from dashboard.shared.run_metrics import metrics_of
from dashboard.train import actions, charts, controls, panel
from vggcore import runs
from vggcore.model.anatomy import totals
from vggcore.model.recipe import TrainConfig
from vggcore.runs import Run, recorded

Order = tuple[str, ...] | None  # of columns
_TABLE_KEY = "train-table"
_ON_A_PHONE = ("run", "state", "validation", "test")  # columns: as many as fit
_COLUMNS = [
    N_("run"),
    N_("state"),
    N_("validation"),
    N_("test"),
    N_("test pictures"),
    N_("network"),
    N_("recipe"),
    N_("data"),
    N_("epochs"),
    N_("time"),
    N_("tags"),
    N_("note"),
    N_("created"),
]


def show() -> None:
    """Cards that follow the living runs, and the table. Polls only while a run is living."""
    living = any(run.living for run in runs.list_runs())
    order = column_order()
    st.fragment(_screen, run_every=panel.POLL_SECONDS if living else None)(living, order)


def _screen(was_living: bool, order: Order) -> None:
    all_runs = runs.list_runs()
    living = [run for run in all_runs if run.living]
    if bool(living) != was_living:
        st.rerun()
    if runs.has_cluster():
        _trouble()
    for run in sorted(living, key=lambda run: run.state == "queued"):
        _card(run)
    if not all_runs:
        st.info(
            tr(
                "No runs yet. Start one: it trains in the background and is still there "
                "when you come back. Meanwhile, look at these recorded ones."
            ),
            icon=":material/model_training:",
        )
        _recorded_curves()
    else:
        _groups(all_runs)
        _table(all_runs, order)


def _trouble() -> None:
    """What prevents us from seeing the runs in the store."""
    from vggcore.runs.cluster import daemon

    if trouble := daemon.trouble():
        st.warning(formatting.plain(sentence(trouble)), icon=":material/cloud_off:")


def _recorded_curves() -> None:
    """What a newcomer sees before there are other runs: the recorded ones in one chart."""
    loaded = [recorded.load(name) for name in recorded.names()]
    curves = [charts.Curves.of(tr(one.title), one) for one in loaded]
    curves = [replace(one, steps=one.steps.iloc[:0]) for one in curves]  # epochs are enough
    look = charts.Look(x="epoch")
    figure = charts.overlay(curves, "accuracy", look)
    figure.update_yaxes(range=[0.6, 1.0])
    st.plotly_chart(figure, key="recorded-overlay", alt=tr("Accuracy over epochs of recorded runs"))


def _groups(all_runs: list[Run]) -> None:
    """A line for each group of runs, with its results so far."""
    for group in runs.groups(all_runs):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link(
                "pages/train.py",
                label=formatting.plain(group.name),
                icon=":material/stacked_line_chart:",
                query_params={"group": group.name},
            )
            reached = formatting.spread(group.spread("val_accuracy"))
            st.caption(
                tr(
                    "{done} of {count} seeds finished · validation {reached}",
                    done=len(group.finished),
                    count=len(group.runs),
                    reached=reached,
                )
            )


def _card(run: Run) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link(
                "pages/train.py",
                label=f"**{formatting.plain(run.name)}**",
                query_params={"run": run.name},
            )
            panel.badge(run.state)
            label = tr("Cancel") if run.state == "queued" else tr("Stop")
            if st.button(
                label,
                key=f"card-stop-{run.name}",
                icon=":material/stop_circle:",
                disabled=run.state == "stopping",
            ):
                actions.stop(run.name)
        status = run.status
        if run.state == "queued":
            st.caption(formatting.plain(panel.what_it_waits_for(run)))
        elif status.total_steps:
            done = status.share
            st.progress(done, text=panel.progress_text(run, metrics_of(run).steps()))
        else:
            line = sentence(run.message) or tr("Starting")
            st.progress(0.0, text=formatting.plain(line))


def _table(all_runs: list[Run], order: Order) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            tr("Filter"),
            placeholder=tr("name, network, recipe, data, tag or note"),
            key="train-filter",
            icon=":material/search:",
        )
        states = [state for state in runs.STATES if any(run.state == state for run in all_runs)]
        wanted = st.pills(
            tr("State"), states, selection_mode="multi", key="train-states", format_func=tr
        )
    table = as_table([run for run in all_runs if not wanted or run.state in wanted])
    if text:
        searched = ["run", "network", "recipe", "data", "tags", "note"]
        cells = table[searched].astype(str).agg(" ".join, axis=1)
        table = table[cells.str.contains(text, case=False, regex=False)]
    event = st.dataframe(
        table,
        key=table_key(table["run"]),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        column_config=columns(),
        column_order=order,
        placeholder="",
    )
    names = [table.iloc[row]["run"] for row in event.selection.rows if row < len(table)]
    _with_selected([run for run in all_runs if run.name in names])


def table_key(names: Iterable[str]) -> str:
    """Streamlit remembers chosen rows by their numbers: with other rows, none is chosen."""
    return f"{_TABLE_KEY}-{crc32(' '.join(names).encode())}"


def columns() -> dict:
    """How the columns of `as_table` are shown."""
    return {
        **{name: tr(name) for name in _COLUMNS},
        "validation": st.column_config.NumberColumn(
            tr("validation"),
            format="percent",
            help=tr("A run's own page says of how many pictures its accuracies are."),
        ),
        "test": st.column_config.NumberColumn(tr("test"), format="percent"),
        "test pictures": st.column_config.NumberColumn(tr("test pictures"), format="localized"),
        "tags": st.column_config.ListColumn(tr("tags")),
        "note": None,  # for the filter; the run's own page shows it
        "created": st.column_config.DatetimeColumn(
            tr("created") if st.context.timezone else tr("created, UTC"),
            format="D MMM, HH:mm",
            timezone=st.context.timezone or "UTC",
        ),
    }


def column_order() -> Order:
    """The columns that are shown: all, or what a phone has room for.

    Not for fragments: a fragment alone is not run again when the browser has told its width.
    """
    return _ON_A_PHONE if screen.is_narrow() else None


def as_table(all_runs: list[Run]) -> pd.DataFrame:
    """One row per run, in readable form."""
    rows = []
    for run in all_runs:
        train, card = run.train, run.card
        rows.append(
            {
                "run": run.name,
                "state": tr(run.state),
                "validation": card.val_accuracy if card else None,
                "test": card.test_accuracy if card else None,
                "test pictures": card.test_images if card else None,
                "network": _network(run),
                "recipe": run.preset,
                "data": _data_of(train) if train else "",
                "epochs": train.epochs if train else None,
                "time": formatting.duration(run.status.seconds),
                "tags": list(run.notes.tags),
                "note": run.notes.note,
                "created": pd.to_datetime(run.config.get("created"), errors="coerce", utc=True),
            }
        )
    return pd.DataFrame(rows, columns=_COLUMNS)


def _data_of(train: TrainConfig) -> str:
    """The data set; for own pictures, which ones."""
    return Path(train.pictures).name or train.dataset


def _network(run: Run) -> str:
    """The network's name, or why the run is damaged."""
    if run.damage:
        return tr(run.damage)
    return run.spec.name if run.spec else ""


def _with_selected(selected: list[Run]) -> None:
    """The actions on the chosen rows."""
    if not selected:
        st.caption(tr("Choose a row to open, rename or delete it; choose several to compare them."))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(selected) == 1:
            st.page_link(
                "pages/train.py",
                label=tr("Open"),
                icon=":material/open_in_full:",
                query_params={"run": selected[0].name},
            )
            if st.button(tr("Rename"), key="table-rename", icon=":material/edit:"):
                actions.ask("rename", [selected[0].name])
        if st.button(tr("Delete"), key="table-delete", icon=":material/delete:"):
            actions.ask("delete", [run.name for run in selected])
    if len(selected) > 1:
        _overlay(selected)


def _overlay(selected: list[Run]) -> None:
    """Curves of several runs in one chart, and the settings that differ."""
    beside = st.multiselect(
        tr("Also show recorded runs"),
        recorded.names(),
        format_func=lambda name: tr(recorded.load(name).title),
        key="overlay-recorded",
        placeholder=tr("choose runs"),
    )
    look, _ = panel.look_controls("look-overlay", offer_reference=False)
    curves = []
    for run in selected:
        log = metrics_of(run)
        curves.append(charts.Curves.of(run.name, log))
    for name in beside:
        recording = recorded.load(name)
        curves.append(charts.Curves.of(tr(recording.title), recording))
    st.dataframe(final_numbers(selected), key="train-numbers", placeholder="")
    for column, metric in zip(st.columns(2), ("loss", "accuracy"), strict=True):
        column.plotly_chart(
            charts.overlay(curves, metric, look),
            key=f"overlay-{metric}",
            config={
                "displayModeBar": True,
                "modeBarButtons": [["toImage"]],  # the fewest: it stays in sight
                "toImageButtonOptions": {"filename": f"runs-{metric}", "scale": 2},
            },
        )
    actions.metrics_download({run.name: metrics_of(run) for run in selected}, "runs")
    differing = differences(selected)
    if differing.empty:
        st.caption(tr("Network and recipe are the same in all of them."))
    else:
        st.markdown(tr("**Settings in which they differ**"))
        st.dataframe(differing, key="train-differences", placeholder="")


def final_numbers(selected: list[Run]) -> pd.DataFrame:
    """What each run (column) reached and what it took (rows), as text."""
    numbers = {}
    for run in selected:
        card, status = run.card, run.status
        test = card.test_accuracy if card else None
        numbers[run.name] = {
            tr("state"): tr(run.state),
            tr("validation"): formatting.share(card.val_accuracy if card else None),
            tr("test"): formatting.measured(test, card.test_images if card else None),
            tr("epochs"): tr("{done} of {count}", done=status.epoch, count=status.epochs)
            if status.epochs
            else "",
            tr("time"): formatting.duration(status.seconds),
            tr("parameters"): f"{totals(run.spec).parameters:,}" if run.spec else "",
        }
    return pd.DataFrame(numbers)


def differences(selected: list[Run]) -> pd.DataFrame:
    """Settings (rows) that differ between the runs (columns), as the form shows them."""
    settings = {
        run.name: {
            controls.label(name): controls.shown(name, value)
            for name, value in (run.spec.to_dict() | run.train.to_dict()).items()
        }
        for run in selected
        if run.spec and run.train
    }
    table = pd.DataFrame(settings)
    return table[table.nunique(axis=1) > 1]
