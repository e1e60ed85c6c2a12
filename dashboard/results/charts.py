"""Charts of the Results page: rows and arrays in, plotly figures out."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.shared import formatting, palette
from dashboard.shared.language import tr
from vggcore.answers.scores import Bin

_SHAPES = ("circle", "square", "diamond", "cross", "triangle-up") * 2


def reliability(networks: dict[str, list[Bin]]) -> go.Figure:
    """How often answers of each probability are right; calibrated answers lie on the diagonal."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name=tr("perfectly calibrated"),
        line={"dash": "dot", "color": palette.QUIET},
        hoverinfo="skip",
    )
    for colour, (name, bins) in zip(
        (palette.FIRST, palette.SECOND), networks.items(), strict=False
    ):
        most = max(b.images for b in bins)
        figure.add_scatter(
            x=[b.confidence for b in bins],
            y=[b.accuracy for b in bins],
            name=name,
            mode="lines+markers",
            line_color=colour,
            customdata=[b.images for b in bins],
            marker={"size": [6 + 12 * (b.images / most) ** 0.5 for b in bins]},
            hovertemplate=tr("%{x:.1%} sure, %{y:.1%} right, %{customdata:,} images")
            + "<extra></extra>",
        )
    figure.update_xaxes(title=tr("probability of the answer"), tickformat=".0%", range=[0, 1.03])
    figure.update_yaxes(title=tr("share of right answers"), tickformat=".0%", range=[0, 1.05])
    return _framed(figure, height=380)


def feature_map(
    places: np.ndarray,
    labels: np.ndarray,
    named: np.ndarray,
    classes: list[str],
    own: np.ndarray | None,
) -> go.Figure:
    """Test images [M, 2] by class, wrong answers ringed; `own` [2]: the visitor's drawing."""
    figure = go.Figure()
    for number, name in enumerate(classes):
        chosen = labels == number
        figure.add_scatter(
            x=places[chosen, 0],
            y=places[chosen, 1],
            name=name,
            mode="markers",
            customdata=np.flatnonzero(chosen)[:, None],
            text=[
                tr("{true}, taken for {named}", true=name, named=classes[i]) for i in named[chosen]
            ],
            hovertemplate="%{text}<extra></extra>",
            marker={
                "size": 7,
                "symbol": _SHAPES[number % len(_SHAPES)],
                "color": palette.CLASSES[number % len(palette.CLASSES)],
                "line": {
                    "color": palette.WRONG,
                    "width": np.where(named[chosen] == number, 0.0, 2.0),
                },
            },
        )
    if own is not None:
        figure.add_scatter(
            x=own[:1],
            y=own[1:],
            name=tr("your drawing"),
            mode="markers",
            hoverinfo="name",
            marker={
                "size": 22,
                "symbol": "star",
                "color": palette.OWN,
                "line": {"width": 2, "color": palette.OWN_EDGE},
            },
        )
    figure.update_xaxes(visible=False, fixedrange=True)
    figure.update_yaxes(visible=False, fixedrange=True, scaleanchor="x")
    return _framed(figure, height=620)


def cost(networks: pd.DataFrame, x: str, title: str, chosen: list[str]) -> go.Figure:
    """Test accuracy against cost. Columns: name, accuracy, measured_on, and the one of `x`."""
    known = networks.dropna(subset=[x, "accuracy"])
    known = known.assign(here=known.name.isin(chosen)).sort_values(
        ["here", "accuracy"], ascending=False
    )
    decades = np.log10(known[x])
    known["text"] = _apart(known.name, decades, known.accuracy)
    figure = go.Figure()
    for here, colour in ((False, palette.QUIET), (True, palette.FIRST)):
        some = known[known.here == here]
        figure.add_scatter(
            x=some[x],
            y=some.accuracy,
            text=some.text,
            customdata=[
                tr(
                    "{title}: {text}",
                    title=row.name,
                    text=f"{formatting.share(row.accuracy)} {row.measured_on}",
                )
                for row in some.itertuples(index=False)
            ],
            mode="markers+text",
            textposition="top center",
            cliponaxis=False,
            marker={"size": 12, "color": colour},
            hovertemplate="%{customdata}, %{x:.3s}<extra></extra>",
        )
    # 1, 2 and 5 of each power of ten, where a phone has room for them.
    ticks = 1 if np.ptp(decades) > 2 else "D2"
    figure.update_xaxes(title=title, type="log", tickformat="~s", dtick=ticks)
    figure.update_yaxes(title=tr("test accuracy"), tickformat=".1%")
    return _framed(figure, height=340).update_layout(showlegend=False)


def _apart(names: pd.Series, x: pd.Series, y: pd.Series) -> list[str]:
    """The names, without those that would lie on an earlier one."""
    placed: list[tuple[float, float]] = []
    shown = []
    wide, high = (float(np.ptp(each)) or 1.0 for each in (x, y))
    for name, place in zip(names, zip(x / wide, y / high, strict=True), strict=True):
        free = all(abs(place[0] - a) > 0.2 or abs(place[1] - b) > 0.1 for a, b in placed)
        shown.append(name if free else "")
        placed += [place] if free else []
    return shown


def _framed(figure: go.Figure, height: int) -> go.Figure:
    return figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 24, "b": 8},
        dragmode=False,
        clickmode="event+select",
        legend={"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0, "title": None},
    )
