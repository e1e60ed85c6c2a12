"""What all networks here cost, against their accuracy."""

import pandas as pd
import streamlit as st

from dashboard.results import charts as charts
from dashboard.shared import cpu_share, formatting, language, screen
from dashboard.shared.language import N_, tr
from dashboard.shared.network_choice import label_of
from vggcore.answers import results
from vggcore.answers.results import Results
from vggcore.model import anatomy, checkpoints

COSTS = {
    "parameters": N_("parameters"),
    "macs": N_("multiply-accumulates (MACs) for one image"),
    "milliseconds": N_("milliseconds for one answer on this machine"),
}
_IN_SHORT = {
    "parameters": N_("parameters"),
    "macs": "MACs",
    "milliseconds": N_("milliseconds"),
}


def cost(networks: list[Results], names: list[str]) -> None:
    """Parameters, MACs and latency against accuracy, for all networks here."""
    table = costs(names)
    language.from_address("cost-by", COSTS, _shown)
    by = st.segmented_control(
        tr("Plot against"),
        list(COSTS),
        default="parameters",
        required=True,
        key="cost-by",
        format_func=_shown,
        bind="query-params",
    )
    unmeasured = table[table.milliseconds.isna()].name.tolist()
    if (
        by == "milliseconds"
        and unmeasured
        and st.button(
            tr("Measure {count} networks here", count=len(unmeasured)), icon=":material/timer:"
        )
    ):
        from vggcore.answers import making_results  # with PyTorch

        cpu_share.share()
        with st.spinner(tr("Timing single answers …")):
            for name in unmeasured:
                making_results.measure_latency(name)
        st.rerun()
    table["name"] = table.name.map(label_of)
    st.plotly_chart(
        charts.cost(table, by, tr(COSTS[by]), [label_of(network.name) for network in networks]),
        key="cost",
        alt=tr("Test accuracy against {cost}", cost=tr(COSTS[by])),
    )
    st.dataframe(
        table,
        key="costs",
        hide_index=True,
        column_order=("name", "accuracy", by) if screen.is_narrow() else None,
        column_config={
            "name": tr("name"),
            "network": tr("network"),
            "accuracy": st.column_config.NumberColumn(tr("test accuracy"), format="percent"),
            "measured_on": st.column_config.TextColumn(tr("test pictures")),
            "parameters": st.column_config.NumberColumn(tr("parameters"), format="localized"),
            "macs": st.column_config.NumberColumn("MACs", format="compact"),
            "milliseconds": st.column_config.NumberColumn(tr("ms an answer"), format="%.2f"),
        },
        placeholder="",
    )
    st.caption(
        tr(
            "Accuracy as stated on the network's card. Latency: one image, median of 15, "
            "on this machine's processor with whatever else it was doing."
        )
    )


def _shown(by: str) -> str:
    return tr(_IN_SHORT[by])


def costs(names: list[str]) -> pd.DataFrame:
    """One row per readable network: its cost, and its accuracy (0 to 1)."""
    rows = []
    for name in names:
        try:
            card = checkpoints.read_card(name)
            seconds = results.latency(name)
        except ValueError:
            continue
        totals = anatomy.totals(card.spec)
        rows.append(
            (
                name,
                card.spec.name,
                card.test_accuracy,
                formatting.measured_on(card.test_accuracy, card.test_images) or "",
                totals.parameters,
                totals.macs,
                seconds and 1000 * seconds,
            )
        )
    columns = ["name", "network", "accuracy", "measured_on", "parameters", "macs", "milliseconds"]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({"accuracy": float, "milliseconds": float})
