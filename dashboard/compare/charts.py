"""Charts of the Compare page: DataFrames and specs in, plotly figures out.

Text and lines suit light and dark backgrounds: see `INK`.

Streamlit redraws a chart whose numbers changed, and plotly then draws it up to three times: once
more if labels change the margins, and once more when Streamlit's theme, a template, is applied
again. So the bars, which follow a slider, have fixed margins and no template. They are built from
plain dicts, which plotly checks in a fifth of the time that its methods take.
"""

from collections import Counter
from collections.abc import Sequence
from math import log10

import pandas as pd
import plotly.graph_objects as go

from dashboard.shared import formatting, palette
from dashboard.shared.language import LANGUAGES, N_, current, listed, tr
from dashboard.shared.network_choice import label_of
from vggcore.model import anatomy
from vggcore.model.architectures import IMAGENET_ERRORS, VGGSpec

_BAR = 34  # pixels per bar, including the gap
_ALONE = "<extra></extra>"  # no second box with the trace's name beside the hover text
_FONT = "Source Sans, sans-serif"
# On the page, text takes the colour of the text around it, whatever the theme; in a saved file
# it is dark.
INK = """<style>.stPlotlyChart :is(.cartesianlayer, .infolayer, .zerolinelayer) text:not(.bartext)
{ fill: currentColor !important; }</style>"""


def parameters_by_kind(networks: dict[str, VGGSpec]) -> go.Figure:
    """Stacked bars, one per network: parameters in convolutions, normalisation, FC layers."""
    totals = [anatomy.totals(spec) for spec in networks.values()]
    parts = {
        tr("convolutions"): ("conv", [t.conv_parameters for t in totals]),
        tr("batch norm"): ("batch-norm", [t.norm_parameters for t in totals]),
        tr("fully connected"): ("linear", [t.fc_parameters for t in totals]),
    }
    traces, unit = [], tr("parameters")
    for label, (kind, counts) in parts.items():
        shares = [count / t.parameters for count, t in zip(counts, totals, strict=True)]
        traces.append(
            _bars(label, palette.KINDS[kind], list(networks), counts)
            | {
                "customdata": shares,
                "text": [f"{share:.0%}" if share > 0.08 else "" for share in shares],
                "textposition": "inside",
                "insidetextanchor": "middle",
                "textangle": 0,
                "insidetextfont": {"color": "white" if kind == "conv" else "black"},
                "hovertemplate": listed(
                    [_labelled(label, f"%{{x:,}} {unit}"), "%{customdata:.2%}" + _ALONE]
                ),
            }
        )
    return _stacked(traces, list(networks), unit)


def _labelled(part: str, value: str) -> str:
    """What a piece of a bar says when it is pointed at."""
    return listed(["%{y}", part]) + LANGUAGES[current()].colon + value


def macs_by_block(networks: dict[str, VGGSpec]) -> go.Figure:
    """Stacked bars, one per network: multiply-accumulates of each block for one image."""
    work: dict[str, Counter[str]] = {name: Counter() for name in networks}
    for name, spec in networks.items():
        for row in anatomy.walk(spec):
            work[name][row.block] += row.macs
    traces = [
        _bars(_spaced(block), colour, list(networks), [macs[block] for macs in work.values()])
        | {"hovertemplate": _labelled(_spaced(block), "%{x:.3s} MACs") + _ALONE}
        for block, colour in palette.BLOCKS.items()
    ]
    return _stacked(traces, list(networks), tr("multiply-accumulates (MACs) for one image"))


def activations_by_layer(networks: dict[str, VGGSpec]) -> go.Figure:
    """Stacked bars, one per network, one piece per layer: float32 bytes written for one image."""
    traces = {
        block: _bars(_spaced(block), colour, [], [])
        | {
            "base": [],
            "customdata": [],
            # For bars with a base, %{x} would be where they end.
            "hovertemplate": "%{y}, %{customdata[0]}: %{customdata[1]:.3s}B" + _ALONE,
        }
        for block, colour in palette.BLOCKS.items()
    }
    for trace in traces.values():
        trace["marker"]["line"] = {"width": 0.6, "color": "rgba(0,0,0,0.45)"}
    for name, spec in networks.items():
        base = 0
        for row in anatomy.walk(spec):
            if row.activation_bytes:
                trace = traces[row.block]
                trace["y"].append(name)
                trace["x"].append(row.activation_bytes)
                trace["base"].append(base)
                what = f"{row.name}, {layer_in_words(anatomy.describe(row))}"
                trace["customdata"].append([what, row.activation_bytes])
                base += row.activation_bytes
    title = tr("bytes of activations for one image")
    # `base` already stacks the bars.
    return _stacked(list(traces.values()), list(networks), title, barmode="overlay", in_bytes=True)


def layer_memory(spec: VGGSpec) -> go.Figure:
    """One bar per layer that writes memory, in forward order, for one image in float32."""
    rows = [row for row in anatomy.walk(spec) if row.activation_bytes]
    traces = []
    for kind in dict.fromkeys(row.kind for row in rows):
        chosen = [row for row in rows if row.kind == kind]
        names, written = [row.name for row in chosen], [row.activation_bytes for row in chosen]
        traces.append(
            _bars(tr(kind), palette.KINDS[kind], names, written)
            | {
                "customdata": ["×".join(map(str, row.output_shape[1:])) for row in chosen],
                "hovertemplate": "%{y}: %{x:.3s}B, %{customdata}" + _ALONE,
            }
        )
    names = [row.name for row in rows]
    return _stacked(traces, names, tr("bytes of activations for one image"), bar=19, in_bytes=True)


def layer_in_words(described: str) -> str:
    """What `anatomy.describe` says of a layer, in the visitor's language."""
    kind, _, shape = described.partition(" ")
    return f"{tr(kind)} {shape}".rstrip()


def accuracy_on_garments(points: pd.DataFrame) -> go.Figure:
    """Parameters (log) against Fashion-MNIST test accuracy.

    `points`: as `commands.tables.garment_accuracies` makes them.
    Of our own runs only the best few are labelled, so that many runs stay readable.
    """
    figure = go.Figure()
    looks = {
        N_("published"): ("diamond", palette.ORANGE, 4, "bottom center"),
        N_("this machine"): ("circle", palette.BLUE, 3, "middle left"),  # ours: one size
    }
    points = points.assign(name=[tr(label_of(name)) for name in points.name])
    for source, (symbol, colour, named, position) in looks.items():
        some = points[points.source == source].sort_values("accuracy", ascending=False)
        texts = [name if n < named else "" for n, name in enumerate(some.name)]
        figure.add_scatter(
            x=some.parameters,
            y=some.accuracy,
            text=texts,
            customdata=[
                f"{name}: {formatting.measured(accuracy, images)}"
                for name, accuracy, images in some[["name", "accuracy", "test_images"]].values
            ],
            name=tr(source),
            mode="markers+text",
            textposition=position,
            cliponaxis=False,
            marker={"symbol": symbol, "size": 12, "color": colour},
            hovertemplate="%{customdata}, %{x:.3s} " + tr("parameters") + _ALONE,
        )
    figure.add_hline(
        y=0.835,
        line_dash="dot",
        line_color=palette.GREY,
        annotation_text=tr("untrained people"),
        annotation_position="bottom right",
    )
    # Room for the labels of the outermost marks.
    low, high = (log10(f(points.parameters)) for f in (min, max))
    _scatter(figure, tr("test accuracy")).update_yaxes(tickformat=".0%")
    return figure.update_xaxes(range=[low - 0.55, high + 0.35], dtick="D2")


def imagenet_accuracy() -> go.Figure:
    """Parameters (log) against the paper's ImageNet top-5 accuracy, one colour per scale."""
    looks = {
        "256": (palette.BLUE, "bottom center"),
        "384": (palette.ORANGE, "middle right"),
        "256–512": (palette.GREEN, "top center"),
    }
    figure = go.Figure()
    for scale, (colour, position) in looks.items():
        errors = [error for error in IMAGENET_ERRORS if error.train_scale == scale]
        specs = [
            VGGSpec(configuration=e.configuration, in_channels=3, num_classes=1000) for e in errors
        ]
        figure.add_scatter(
            x=[anatomy.totals(spec).parameters for spec in specs],
            y=[1 - error.top5 / 100 for error in errors],
            text=[error.configuration for error in errors],
            name=tr("trained at {scale} px", scale=scale),
            # A and A-LRN are equally large and nearly equally good.
            textposition=["top center" if e.configuration == "A" else position for e in errors],
            mode="markers+text",
            cliponaxis=False,
            marker={"size": 12, "color": colour},
            customdata=[1 - error.top1 / 100 for error in errors],
            hovertemplate="%{text}: top-5 %{y:.1%}, top-1 %{customdata:.1%}, "
            "%{x:.4s} " + tr("parameters") + _ALONE,
        )
    _scatter(figure, tr("top-5 accuracy")).update_yaxes(tickformat=".1%")
    ticks = [n * 1_000_000 for n in range(132, 148, 4)]
    return figure.update_xaxes(tickvals=ticks, range=[log10(132e6), log10(145e6)])


def _spaced(block: str) -> str:
    number = block.removeprefix("block")
    return tr("block {number}", number=number) if number != block else tr(block)


def _bars(name: str, colour: str, labels: list[str], lengths: Sequence[float]) -> dict:
    """A trace of horizontal bars."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": labels,
        "x": lengths,
        "marker": {"color": colour},
    }


def _stacked(
    traces: list[dict],
    labels: list[str],
    title: str,
    *,
    bar: int = _BAR,
    barmode: str = "stack",
    in_bytes: bool = False,
) -> go.Figure:
    """One bar of `bar` pixels per label, from the top, in the order of the labels."""
    suffix = "B" if in_bytes else ""
    size = 13 if bar == _BAR else 11
    frame = _frame(height=122 + bar * max(len(labels), 1))
    # Wide enough for the longest label: if plotly measured them, it would draw everything twice.
    frame["margin"]["l"] = round(14 + 0.58 * size * max(map(len, labels), default=0))
    layout = frame | {
        "barmode": barmode,
        "bargap": 0.25,
        # Promises that the numbers of a drawn chart never change, so plotly need not check.
        "datarevision": 1,
        "xaxis": _axis(title=title, tickformat="~s", ticksuffix=suffix, nticks=6),
        "yaxis": _axis(
            autorange="reversed",
            categoryorder="array",
            categoryarray=labels,
            tickfont={"size": size},
            showgrid=False,
        ),
    }
    return _figure(traces, layout)


def _scatter(figure: go.Figure, title: str) -> go.Figure:
    figure.layout.template = None
    return figure.update_layout(
        showlegend=True,
        xaxis=_axis(title=tr("parameters"), type="log", tickformat="~s"),
        yaxis=_axis(title=title, automargin=True),
        **_frame(height=442),
    )


def _figure(traces: list[dict], layout: dict) -> go.Figure:
    figure = go.Figure(traces, layout)
    figure.layout.template = None  # as an argument, None would mean the default template
    return figure


def _axis(title: str = "", **own) -> dict:
    return {
        "title": {"text": title, "font": {"size": 13}},
        "gridcolor": palette.LINES,
        "zerolinecolor": palette.LINES,
        "fixedrange": True,
        "automargin": False,
    } | own


def _frame(*, height: int) -> dict:
    return {
        "height": height,
        "margin": {"l": 8, "r": 16, "t": 52, "b": 44, "pad": 4},
        "font": {"family": _FONT, "size": 13, "color": "#444444"},
        "paper_bgcolor": palette.CLEAR,
        "plot_bgcolor": palette.CLEAR,
        "legend": {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        "hoverlabel": {
            "bgcolor": "#262730",
            "bordercolor": "#808080",
            "font": {"color": "white", "family": _FONT, "size": 13},
        },
        "modebar": {"bgcolor": palette.CLEAR, "color": "#808080", "activecolor": "#808080"},
    }
