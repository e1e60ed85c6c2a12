"""Why a run that stays at chance does not learn: what reaches each block, over the steps so far."""

import plotly.graph_objects as go
import streamlit as st

from dashboard.shared import palette
from dashboard.shared.language import tr
from vggcore.runs.diagnosis import why_stuck

_LEAST = 1e-9  # stands for a gradient of 0 on a logarithmic axis
_COLOURS = tuple(palette.BLOCKS.values())


def show(name: str, rows: list[dict]) -> None:
    """The reason in one sentence, and two small charts; nothing without such rows."""
    if not rows:
        return
    st.markdown(tr(why_stuck(rows)))
    left, right = st.columns(2)
    for column, key, title in (
        (left, "gradients", tr("gradient norm")),
        (right, "dead", tr("share of dead channels")),
    ):
        column.plotly_chart(
            by_block(rows, key, title),
            key=f"why-{name}-{key}",
            alt=tr("{what} of each block over the steps", what=title),
            config={"displayModeBar": False},
        )


def by_block(rows: list[dict], key: str, title: str) -> go.Figure:
    """One line per block: "gradients" on a logarithmic axis, or "dead" from 0 to 1."""
    figure = go.Figure()
    steps = [row["step"] for row in rows]
    blocks = len(rows[-1][key])
    for number in range(blocks):
        values = [row[key][number] for row in rows]
        plotted = [max(value, _LEAST) for value in values] if key == "gradients" else values
        label = tr("block {number}", number=number + 1) if number < 5 else tr("classifier")
        figure.add_scatter(
            x=steps,
            y=plotted,
            customdata=values,
            name=label,
            mode="lines+markers",
            line={"color": _COLOURS[number], "width": 2},
            marker={"size": 4},
            hovertemplate="%{customdata:.3g}",
        )
    figure.update_xaxes(title=tr("Step"))
    if key == "gradients":
        figure.update_yaxes(title=title, type="log", exponentformat="power")
    else:
        figure.update_yaxes(title=title, tickformat=".0%", range=[-0.03, 1.05])
    return figure.update_layout(
        height=260,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        hovermode="x unified",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1, "x": 0},
        uirevision="keep",
    )
