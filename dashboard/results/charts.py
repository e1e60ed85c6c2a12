"""Charts of the Results page: rows and arrays in, plotly figures out."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from vggcore.answers.doubt import Bin

FIRST, SECOND, QUIET = "#2a78d6", "#eb6834", "#898781"
# Ten colours that stay apart on light and on dark grounds; shapes help where colours do not.
CLASS_COLOURS = ("#2a78d6", "#eb6834", "#1baf7a", "#eda100", "#e87ba4", "#8a6fe8", "#6b7280",
                 "#17b3c4", "#a8793d", "#8fae2b")  # fmt: skip
_SHAPES = ("circle", "square", "diamond", "cross", "triangle-up") * 2
_CELL = 44  # pixels


def confusion(counts: list[list[int]], classes: list[str]) -> go.Figure:
    """Confusion matrix, rows the true class; the customdata of a cell: its row and column.

    A heat map cannot be selected from in Streamlit, so that an unseen marker lies on each cell.
    """
    totals = [sum(row) or 1 for row in counts]
    shares = [[n / total for n in row] for row, total in zip(counts, totals, strict=True)]
    figure = go.Figure()
    figure.add_heatmap(
        x=classes, y=classes, z=shares, zmin=0, zmax=1, showscale=False, hoverinfo="skip",
        colorscale=[[0, "rgba(42,120,214,0.05)"], [0.02, "rgba(42,120,214,0.25)"],
                    [0.3, "rgba(42,120,214,0.6)"], [1, "rgb(28,92,171)"]],
        xgap=2, ygap=2,
    )  # fmt: skip
    cells = [(i, j) for i in range(len(classes)) for j in range(len(classes))]
    figure.add_scatter(
        x=[classes[j] for _, j in cells], y=[classes[i] for i, _ in cells],
        mode="markers", customdata=cells, hoverinfo="text",
        hovertext=[f"{classes[i]}, taken for {classes[j]}: {counts[i][j]:,} ({shares[i][j]:.1%})"
                   for i, j in cells],
        marker={"symbol": "square", "size": _CELL - 10, "color": "rgba(0,0,0,0)"},
        selected={"marker": {"color": "rgba(235,104,52,0.45)"}},
        unselected={"marker": {"opacity": 1}},
    )  # fmt: skip
    # On light cells in the theme's own colour, on dark ones in white.
    for dark in (False, True):
        some = [(i, j) for i, j in cells if counts[i][j] and (shares[i][j] > 0.4) == dark]
        figure.add_scatter(
            x=[classes[j] for _, j in some], y=[classes[i] for i, _ in some], mode="text",
            text=[f"{counts[i][j]:,}" for i, j in some], hoverinfo="skip",
            textfont={"size": 12} | ({"color": "white"} if dark else {}),
        )  # fmt: skip
    figure.update_yaxes(autorange="reversed", title="is", fixedrange=True, showgrid=False)
    figure.update_xaxes(
        title="taken for", side="top", tickangle=-45, fixedrange=True, showgrid=False
    )
    return _framed(figure, height=100 + _CELL * len(classes)).update_layout(showlegend=False)


def reliability(networks: dict[str, list[Bin]]) -> go.Figure:
    """How often answers of each probability are right; on the diagonal, they mean what they say."""
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", name="exactly as sure as right",
                       line={"dash": "dot", "color": QUIET}, hoverinfo="skip")  # fmt: skip
    for colour, (name, bins) in zip((FIRST, SECOND), networks.items(), strict=False):
        most = max(b.images for b in bins)
        figure.add_scatter(
            x=[b.confidence for b in bins], y=[b.accuracy for b in bins], name=name,
            mode="lines+markers", line_color=colour, customdata=[b.images for b in bins],
            marker={"size": [6 + 12 * (b.images / most) ** 0.5 for b in bins]},
            hovertemplate="%{x:.1%} sure, %{y:.1%} right, %{customdata:,} images<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="probability of the answer", tickformat=".0%", range=[0, 1.03])
    figure.update_yaxes(title="share that is right", tickformat=".0%", range=[0, 1.05])
    return _framed(figure, height=380)


def feature_map(
    places: np.ndarray, labels: np.ndarray, named: np.ndarray, classes: list[str],
    own: np.ndarray | None,
) -> go.Figure:  # fmt: skip
    """Test images [M, 2] by class, wrongly named ones ringed; `own` [2]: the visitor's drawing."""
    figure = go.Figure()
    for number, name in enumerate(classes):
        chosen = labels == number
        figure.add_scatter(
            x=places[chosen, 0], y=places[chosen, 1], name=name, mode="markers",
            customdata=np.flatnonzero(chosen)[:, None],
            text=[f"{name}, taken for {classes[i]}" for i in named[chosen]],
            hovertemplate="%{text}<extra></extra>",
            marker={
                "size": 7, "symbol": _SHAPES[number], "color": CLASS_COLOURS[number],
                "line": {"color": "#d62728",
                         "width": np.where(named[chosen] == number, 0.0, 2.0)},
            },
        )  # fmt: skip
    if own is not None:
        figure.add_scatter(
            x=own[:1], y=own[1:], name="your drawing", mode="markers", hoverinfo="name",
            marker={"size": 22, "symbol": "star", "color": "#ffd60a",
                    "line": {"width": 2, "color": "#202020"}},
        )  # fmt: skip
    figure.update_xaxes(visible=False, fixedrange=True)
    figure.update_yaxes(visible=False, fixedrange=True, scaleanchor="x")
    return _framed(figure, height=620)


def cost(networks: pd.DataFrame, x: str, title: str, chosen: list[str]) -> go.Figure:
    """Test accuracy against what it costs. Columns: name, accuracy, and the one named by `x`."""
    known = networks.dropna(subset=[x, "accuracy"])
    figure = go.Figure()
    for here, colour in ((False, QUIET), (True, FIRST)):
        some = known[known.name.isin(chosen) == here]
        figure.add_scatter(
            x=some[x], y=some.accuracy, text=some.name, mode="markers+text",
            textposition="top center", cliponaxis=False, marker={"size": 12, "color": colour},
            hovertemplate="%{text}: %{y:.2%}, %{x:.3s}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title=title, type="log", tickformat="~s", dtick="D2")
    figure.update_yaxes(title="test accuracy", tickformat=".1%")
    return _framed(figure, height=340).update_layout(showlegend=False)


def _framed(figure: go.Figure, height: int) -> go.Figure:
    return figure.update_layout(
        height=height, margin={"l": 8, "r": 8, "t": 24, "b": 8}, dragmode=False,
        clickmode="event+select",
        legend={"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0, "title": None},
    )  # fmt: skip
