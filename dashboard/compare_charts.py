"""Charts of the Compare page: DataFrames and specs in, plotly figures out.

Colours are the Okabe–Ito set, which people with any colour vision can tell apart and which reads
on light and on dark grounds. Streamlit's theme supplies fonts, text and background.
"""

from collections import Counter
from math import log10

import pandas as pd
import plotly.graph_objects as go

from vggcore import anatomy
from vggcore.architectures import IMAGENET_ERRORS, VGGSpec

BLOCK_COLOURS = {
    "block1": "#56b4e9", "block2": "#0072b2", "block3": "#009e73", "block4": "#e69f00",
    "block5": "#d55e00", "classifier": "#cc79a7",
}  # fmt: skip
KIND_COLOURS = {
    "conv": "#0072b2", "batch-norm": "#e69f00", "linear": "#cc79a7", "max-pool": "#009e73",
    "avg-pool": "#009e73", "lrn": "#56b4e9", "dropout": "#999999",
}  # fmt: skip
_BAR = 34  # pixels a bar, with its gap


def parameters_by_kind(networks: dict[str, VGGSpec]) -> go.Figure:
    """Stacked bars, one a network: parameters in convolutions, normalisation, FC layers."""
    totals = [anatomy.totals(spec) for spec in networks.values()]
    parts = {
        "convolutions": ("conv", [t.conv_parameters for t in totals]),
        "batch norm": ("batch-norm", [t.norm_parameters for t in totals]),
        "fully connected": ("linear", [t.fc_parameters for t in totals]),
    }
    figure = go.Figure()
    for label, (kind, counts) in parts.items():
        shares = [count / t.parameters for count, t in zip(counts, totals, strict=True)]
        figure.add_bar(
            y=list(networks), x=counts, name=label, orientation="h",
            marker_color=KIND_COLOURS[kind], customdata=shares,
            text=[f"{share:.0%}" if share > 0.08 else "" for share in shares],
            textposition="inside", insidetextanchor="middle", textangle=0,
            insidetextfont_color="white" if kind == "conv" else "black",
            hovertemplate="%{y}: %{x:,} parameters, %{customdata:.2%}<extra>" + label + "</extra>",
        )  # fmt: skip
    return _stacked(figure, len(networks), "parameters")


def macs_by_block(networks: dict[str, VGGSpec]) -> go.Figure:
    """Stacked bars, one a network: multiply-accumulates of each block, one image."""
    work = {name: Counter() for name in networks}
    for name, spec in networks.items():
        for row in anatomy.walk(spec):
            work[name][row.block] += row.macs
    figure = go.Figure()
    for block, colour in BLOCK_COLOURS.items():
        figure.add_bar(
            y=list(networks), x=[macs[block] for macs in work.values()],
            name=_spaced(block), orientation="h", marker_color=colour,
            hovertemplate="%{y}: %{x:.3s} MACs<extra>" + _spaced(block) + "</extra>",
        )  # fmt: skip
    return _stacked(figure, len(networks), "multiply-accumulates (MACs) for one image")


def activations_by_layer(networks: dict[str, VGGSpec]) -> go.Figure:
    """Stacked bars, one a network and one piece a layer: float32 bytes written for one image."""
    pieces = {block: {"y": [], "x": [], "base": [], "layer": []} for block in BLOCK_COLOURS}
    for name, spec in networks.items():
        base = 0
        for row in anatomy.walk(spec):
            if row.activation_bytes:
                piece = pieces[row.block]
                piece["y"].append(name)
                piece["x"].append(row.activation_bytes)
                piece["base"].append(base)
                piece["layer"].append(f"{row.name}, {anatomy.describe(row)}")
                base += row.activation_bytes
    figure = go.Figure()
    for block, piece in pieces.items():
        figure.add_bar(
            y=piece["y"], x=piece["x"], base=piece["base"], customdata=piece["layer"],
            name=_spaced(block), orientation="h", marker_color=BLOCK_COLOURS[block],
            marker_line={"width": 0.6, "color": "rgba(0,0,0,0.45)"},
            hovertemplate="%{y}: %{x:.3s}B<extra>%{customdata}</extra>",
        )  # fmt: skip
    _stacked(figure, len(networks), "bytes of activations for one image")
    return figure.update_layout(barmode="overlay")  # `base` already stacks them


def layer_memory(spec: VGGSpec) -> go.Figure:
    """One bar a layer that writes memory, in the order of the image's way, one image, float32."""
    rows = [row for row in anatomy.walk(spec) if row.activation_bytes]
    figure = go.Figure()
    for kind in dict.fromkeys(row.kind for row in rows):
        chosen = [row for row in rows if row.kind == kind]
        figure.add_bar(
            y=[row.name for row in chosen], x=[row.activation_bytes for row in chosen],
            name=kind, orientation="h", marker_color=KIND_COLOURS[kind],
            customdata=["×".join(map(str, row.output_shape[1:])) for row in chosen],
            hovertemplate="%{y}: %{x:.3s}B, %{customdata}<extra></extra>",
        )  # fmt: skip
    _stacked(figure, len(rows), "bytes of activations for one image", bar=19)
    order = [row.name for row in rows]
    return figure.update_yaxes(categoryorder="array", categoryarray=order, tickfont_size=11)


def accuracy_on_garments(points: pd.DataFrame) -> go.Figure:
    """Parameters (log) against Fashion-MNIST test accuracy.

    `points`: columns name, parameters, accuracy (0 to 1), source ("published" or "this machine").
    Of ours only the best few carry their names, so that many runs stay readable.
    """
    figure = go.Figure()
    looks = {
        "published": ("diamond", "#e69f00", 4, "bottom center"),
        "this machine": ("circle", "#0072b2", 3, "top center"),
    }
    for source, (symbol, colour, named, position) in looks.items():
        some = points[points.source == source].sort_values("accuracy", ascending=False)
        texts = [name if n < named else "" for n, name in enumerate(some.name)]
        figure.add_scatter(
            x=some.parameters, y=some.accuracy, text=texts, customdata=some.name, name=source,
            mode="markers+text", textposition=position, cliponaxis=False,
            marker={"symbol": symbol, "size": 12, "color": colour},
            hovertemplate="%{customdata}: %{y:.2%}, %{x:.3s} parameters<extra></extra>",
        )  # fmt: skip
    figure.add_hline(
        y=0.835, line_dash="dot", line_color="#999999", annotation_text="people, not experts",
        annotation_position="bottom right",
    )  # fmt: skip
    # Room for the names of the outermost marks.
    low, high = (log10(f(points.parameters)) for f in (min, max))
    _scatter(figure, "test accuracy").update_yaxes(tickformat=".0%")
    return figure.update_xaxes(range=[low - 0.35, high + 0.35], dtick="D2")


def imagenet_accuracy() -> go.Figure:
    """Parameters (log) against the paper's ImageNet top-5 accuracy, one colour a training scale."""
    looks = {
        "256": ("#0072b2", "bottom center"), "384": ("#e69f00", "middle right"),
        "256–512": ("#009e73", "top center"),
    }  # fmt: skip
    figure = go.Figure()
    for scale, (colour, position) in looks.items():
        errors = [error for error in IMAGENET_ERRORS if error.train_scale == scale]
        specs = [
            VGGSpec(configuration=e.configuration, in_channels=3, num_classes=1000) for e in errors
        ]
        figure.add_scatter(
            x=[anatomy.totals(spec).parameters for spec in specs],
            y=[1 - error.top5 / 100 for error in errors],
            text=[error.configuration for error in errors], name=f"trained at {scale} px",
            # A and A-LRN are equally large and nearly equally good.
            textposition=["top center" if e.configuration == "A" else position for e in errors],
            mode="markers+text", cliponaxis=False, marker={"size": 12, "color": colour},
            customdata=[1 - error.top1 / 100 for error in errors],
            hovertemplate="%{text}: top-5 %{y:.1%}, top-1 %{customdata:.1%}, "
            "%{x:.4s} parameters<extra></extra>",
        )  # fmt: skip
    _scatter(figure, "top-5 accuracy").update_yaxes(tickformat=".1%")
    ticks = [n * 1_000_000 for n in range(132, 148, 4)]
    return figure.update_xaxes(tickvals=ticks, range=[log10(132e6), log10(145e6)])


def _spaced(block: str) -> str:
    return block.replace("block", "block ")


def _stacked(figure: go.Figure, bars: int, title: str, *, bar: int = _BAR) -> go.Figure:
    suffix = "B" if title.startswith("bytes") else ""
    # In one call: each costs plotly a few milliseconds.
    return figure.update_layout(
        barmode="stack", bargap=0.25,
        xaxis={"title": title, "tickformat": "~s", "ticksuffix": suffix, "nticks": 6,
               "fixedrange": True},
        yaxis={"autorange": "reversed", "automargin": True, "ticksuffix": " ", "fixedrange": True},
        **_frame(height=110 + bar * max(bars, 1)),
    )  # fmt: skip


def _scatter(figure: go.Figure, title: str) -> go.Figure:
    return figure.update_layout(
        showlegend=True,
        xaxis={"title": "parameters", "type": "log", "tickformat": "~s", "fixedrange": True},
        yaxis={"title": title, "automargin": True, "fixedrange": True},
        **_frame(height=430),
    )


def _frame(*, height: int) -> dict:
    return {
        "height": height, "margin": {"l": 8, "r": 16, "t": 40, "b": 44},
        "legend": {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "title": None,
                   "traceorder": "normal"},
    }  # fmt: skip
