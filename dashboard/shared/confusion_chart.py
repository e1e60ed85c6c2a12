"""The confusion matrix as a chart that can be clicked."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.shared import palette
from dashboard.shared.language import tr

_CELL = 44  # pixels
MOST = 30  # classes: more would be too small to read


def most_mistaken(counts: list[list[int]]) -> list[int]:
    """The classes that a matrix shows, in their order."""
    mistakes = [
        sum(row) + sum(other[i] for other in counts) - 2 * row[i] for i, row in enumerate(counts)
    ]
    return sorted(sorted(range(len(counts)), key=lambda i: -mistakes[i])[:MOST])


def confusion(counts: list[list[int]], classes: Sequence[str]) -> go.Figure:
    """Confusion matrix, one row per true class; a cell's customdata holds its row and column.

    Streamlit cannot select cells of a heat map, so an invisible marker lies on each cell.
    With more than `MOST` classes, only those with the most mistakes are shown.
    """
    places = most_mistaken(counts)
    shares = [[counts[i][j] / (sum(counts[i]) or 1) for j in places] for i in places]
    counts = [[counts[i][j] for j in places] for i in places]
    labels = [tr(classes[i]) for i in places]
    figure = go.Figure()
    figure.add_heatmap(
        x=labels,
        y=labels,
        z=shares,
        zmin=0,
        zmax=1,
        showscale=False,
        hoverinfo="skip",
        colorscale=[list(step) for step in palette.SHARES],
        xgap=2,
        ygap=2,
    )
    cells = [(i, j) for i in range(len(labels)) for j in range(len(labels))]
    figure.add_scatter(
        x=[labels[j] for _, j in cells],
        y=[labels[i] for i, _ in cells],
        mode="markers",
        customdata=[(places[i], places[j]) for i, j in cells],
        hoverinfo="text",
        hovertext=[
            tr(
                "{true}, taken for {named}: {count:,} ({share:.1%})",
                true=labels[i],
                named=labels[j],
                count=counts[i][j],
                share=shares[i][j],
            )
            for i, j in cells
        ],
        marker={"symbol": "square", "size": _CELL - 10, "color": palette.CLEAR},
        selected={"marker": {"color": palette.CHOSEN}},
        unselected={"marker": {"opacity": 1}},
    )
    # Not a text trace, which would fade with all cells that are not chosen. Light cells have text
    # in the theme's own colour, dark ones in white.
    numbers = [
        {
            "x": labels[j],
            "y": labels[i],
            "text": f"{counts[i][j]:,}",
            "showarrow": False,
            "font": {"size": 12} | ({"color": "white"} if shares[i][j] > 0.4 else {}),
        }
        for i, j in cells
        if counts[i][j]
    ]
    figure.update_layout(annotations=numbers)
    figure.update_yaxes(
        autorange="reversed", title=tr("true class"), fixedrange=True, showgrid=False
    )
    figure.update_xaxes(
        title=tr("taken for"), side="top", tickangle=-45, fixedrange=True, showgrid=False
    )
    return figure.update_layout(
        height=100 + _CELL * len(labels),
        margin={"l": 8, "r": 8, "t": 24, "b": 8},
        dragmode=False,
        clickmode="event+select",
        showlegend=False,
        uirevision="keep",
    )
