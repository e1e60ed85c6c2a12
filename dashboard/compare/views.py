"""Pieces of the Compare page: readable tables, charts, and downloads."""

from functools import partial

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.compare import diagram
from dashboard.compare.charts import layer_in_words
from dashboard.shared import downloads, formatting, palette
from dashboard.shared.language import N_, listed, tr
from dashboard.shared.network_choice import label_of
from vggcore.commands import tables
from vggcore.model import checkpoints, source
from vggcore.model.architectures import VGGSpec

_CHANGES = {
    "same": "",
    "added": N_("+ added"),
    "removed": N_("– removed"),
    "changed": N_("~ changed"),
}
_COUNTED = {
    "added": N_("{count} added"),
    "removed": N_("{count} removed"),
    "changed": N_("{count} changed"),
}
_TINTS = {
    _CHANGES["added"]: palette.ADDED,
    _CHANGES["removed"]: palette.REMOVED,
    _CHANGES["changed"]: palette.CHANGED,
}


def chart(figure: go.Figure, name: str, alt: str) -> None:
    """A chart whose camera button saves a vector picture (SVG) called `name`."""
    picture = {"format": "svg", "filename": name}
    st.plotly_chart(
        figure,
        key=f"chart_{name}",
        alt=alt,
        theme=None,  # the figure has its own style
        config={"displaylogo": False, "toImageButtonOptions": picture},
    )


def drawing(svg: str) -> None:
    """One of our own drawings, inline, so that its text takes the page's colour."""
    st.markdown(svg, unsafe_allow_html=True)


def variants(table: pd.DataFrame) -> None:
    """The table of networks; columns without any values are left out."""
    number, whole = st.column_config.NumberColumn, "localized"
    columns = {
        "name": st.column_config.TextColumn(tr("network"), pinned=True),
        "parameters": number(tr("parameters"), format=whole),
        "checked": st.column_config.TextColumn(
            tr("published"), help=tr("✓: our count matches the published one")
        ),
        "macs": number("GMAC", format="%.3f", help=tr("10⁹ multiply-accumulates for one image")),
        "flops": number("GFLOP", format="%.3f", help="FLOPs = 2 × MACs"),
        "weights_mb": number(tr("weights, MB"), format="%.1f", help="float32"),
        "activations_mb": number(
            tr("activations, MB"), format="%.1f", help=tr("one image, float32")
        ),
        "training_gb": number(
            tr("training, GB"), format="%.2f", help=tr("estimated peak, batch 64")
        ),
        "epoch_minutes": number(
            tr("epoch, min"), format="%.1f", help=tr("estimated, 55,000 images")
        ),
        "weight_layers": number(tr("depth"), help=tr("layers with weights")),
        "receptive_field": number(
            tr("receptive field, px"),
            help=tr("after block 5: one number depends on a square of this many pixels a side"),
        ),
        "top-1 error, %": number(
            tr("top-1 error, %"),
            format="%.1f",
            help=tr("ImageNet, paper's Table 3, trained at 256 px"),
        ),
        "top-5 error, %": number(
            tr("top-5 error, %"), format="%.1f", help=tr("ImageNet, as before")
        ),
        "garments": number(
            tr("our accuracy"),
            format="percent",
            help=tr("Best of ours, of Fashion-MNIST's 10,000 test images"),
        ),
    }
    units = {"weights_mb": ("parameter_bytes", 1e6), "activations_mb": ("activation_bytes", 1e6)}
    units |= {"macs": ("macs", 1e9), "flops": ("flops", 1e9), "training_gb": ("training", 1e9)}
    units |= {"epoch_minutes": ("epoch", 60)}
    table = table.assign(**{new: table[old] / unit for new, (old, unit) in units.items()})
    checked = table.published.str.replace(r" [\d,]+( million)?", "", regex=True)
    checked = checked.str.replace("paper", tr("paper"), regex=False)
    table["checked"] = checked.str.replace(", ", listed(["", ""]), regex=False)
    known = [c for c in columns if any(value == value and value != "" for value in table[c])]
    height = 35 * (len(table) + 1) + 3  # all rows, without its own scroll bar
    st.dataframe(
        table[known], hide_index=True, height=height, column_config=columns, placeholder=""
    )


def diff(table: pd.DataFrame, before: str, after: str) -> None:
    """Two networks layer by layer; added, removed and changed layers are tinted and marked."""
    columns = pd.DataFrame(
        {
            tr("change"): [tr(_CHANGES[each]) if each in _CHANGES else "" for each in table.change],
            tr("layer"): table.name,
            before: table.a.map(layer_in_words),
            after: table.b.map(layer_in_words),
            tr("Δ parameters"): table.parameters,
            "Δ MMAC": table.macs / 1e6,
        }
    )
    tints = {tr(change): colour for change, colour in _TINTS.items()}
    tint = columns.style.apply(
        lambda row: [f"background-color: {tints.get(row.iloc[0], 'transparent')}"] * len(row),
        axis=1,
    )
    signed = st.column_config.NumberColumn
    st.dataframe(
        tint,
        hide_index=True,
        height=min(35 * len(columns) + 38, 640),
        column_config={
            tr("Δ parameters"): signed(format="localized"),
            "Δ MMAC": signed(format="%.1f"),
        },
        placeholder="",
    )


def layers(table: pd.DataFrame) -> None:
    """One row per layer, with bars for the shares."""
    share = st.column_config.ProgressColumn
    shapes = {
        c: table[c].map(lambda s: "×".join(map(str, s[1:])))
        for c in ("input_shape", "output_shape")
    }
    st.dataframe(
        table.assign(kind=table.kind.map(tr), **shapes).drop(columns="block"),
        hide_index=True,
        column_config={
            "name": st.column_config.TextColumn(tr("layer"), pinned=True),
            "kind": tr("kind"),
            "kernel": tr("kernel"),
            "parameters": st.column_config.NumberColumn(tr("parameters"), format="localized"),
            "macs": st.column_config.NumberColumn("MACs", format="compact"),
            "parameter_share": share(
                tr("% of parameters"), format="percent", min_value=0, max_value=1
            ),
            "mac_share": share(tr("% of MACs"), format="percent", min_value=0, max_value=1),
            "input_shape": tr("in"),
            "output_shape": tr("out"),
            "activation_bytes": st.column_config.NumberColumn(tr("activations"), format="bytes"),
            "parameter_bytes": st.column_config.NumberColumn(tr("weights"), format="bytes"),
            "receptive_field": st.column_config.NumberColumn(tr("receptive field, px")),
            "stride": st.column_config.NumberColumn(tr("stride, px")),
        },
        placeholder="",
    )


def download_buttons(
    table: pd.DataFrame, name: str, figures: list[go.Figure] | None = None
) -> None:
    """Buttons that download `table` as CSV, Markdown, LaTeX, and `figures` as one HTML page."""
    styles = {
        "csv": ("CSV", "csv"),
        "markdown": ("Markdown", "md"),
        "latex": ("LaTeX", "tex"),
    }
    with st.container(horizontal=True):
        for style, (label, suffix) in styles.items():
            st.download_button(
                label,
                partial(tables.render, table, style),
                f"{name}.{suffix}",
                icon=":material/download:",
                on_click="ignore",
                key=f"{name}_{suffix}",
            )
        if figures:
            st.download_button(
                tr("Charts as HTML"),
                lambda: _page_of(figures),
                f"{name}.html",
                "text/html",
                icon=":material/download:",
                on_click="ignore",
                key=f"{name}_html",
                help=tr(
                    "One file that opens anywhere. The camera button of its charts saves "
                    "PNG; on this page it saves SVG."
                ),
            )


def _page_of(figures: list[go.Figure]) -> str:
    """The figures as one web page that needs nothing else, not even a network connection."""
    parts = [
        figure.to_html(full_html=False, include_plotlyjs=number == 0)
        for number, figure in enumerate(figures)
    ]
    return "<!doctype html><meta charset='utf-8'>" + "".join(parts)


def diff_sentence(table: pd.DataFrame, before: str, after: str) -> str:
    """What changed, in one sentence (Markdown)."""
    counts = table[table.a.str.startswith(_WEIGHTY) | table.b.str.startswith(_WEIGHTY)].change
    facts = [
        tr(words, count=n) for change, words in _COUNTED.items() if (n := sum(counts == change))
    ]
    parameters, macs = (
        tr(
            "{name} ({note})",
            name=f"{table[c].sum():+,} {word}",
            note=f"{table[c].sum() / table[f'{c}_a'].sum():+.1%}",
        )
        for c, word in (("parameters", tr("parameters")), ("macs", "MACs"))
    )
    layers = listed(facts) or tr("no layer differs")
    return tr(
        "**{before} → {after}**: layers with weights: {layers}; {parameters}, {macs}.",
        before=before,
        after=after,
        layers=layers,
        parameters=parameters,
        macs=macs,
    )


_WEIGHTY = ("conv", "linear", "batch-norm")


def take_network_away(spec: VGGSpec, name: str) -> None:
    """Buttons for the network as PyTorch source and as a picture, and for trained weights."""
    with st.container(horizontal=True):
        st.download_button(
            tr("PyTorch source"),
            source.source(spec),
            f"{name.lower()}.py",
            "text/x-python",
            icon=":material/code:",
            on_click="ignore",
            help=tr("One file that needs only PyTorch and reads our weights"),
        )
        for label, draw, suffix in (
            (tr("Diagram as SVG"), diagram.network, ""),
            (tr("Blocks as SVG"), diagram.volumes, "-blocks"),
        ):
            st.download_button(
                label,
                partial(draw, spec, standalone=True),
                f"{name.lower()}{suffix}.svg",
                "image/svg+xml",
                icon=":material/download:",
                on_click="ignore",
            )
    results = tables.garment_accuracies()
    trained = list(results.name[[other == spec for other in results.spec]])
    if not trained:
        st.caption(
            tr("No one has trained exactly this network here yet. You can, on the Train page.")
        )
    for checkpoint in trained:
        named = formatting.plain(label_of(checkpoint))
        st.markdown(tr("Trained: **{checkpoint}**", checkpoint=named))
        with st.container(horizontal=True):
            downloads.buttons(checkpoint, checkpoints.read_card(checkpoint), checkpoint)


def kernel_sentence(both: dict[str, dict]) -> str:
    """What stacking saves, in one sentence (Markdown)."""
    stacked, single = both["stacked"], both["single"]
    saved = 1 - stacked["weights"] / single["weights"]
    if not saved:
        return tr("With one layer there is nothing to compare: stack more to see the difference.")
    per_channel = stacked["layers"] * stacked["kernel"] ** 2
    return tr(
        "Stacked: {per_channel}C² weights; one large kernel: {single}C². The stack "
        "needs **{saved:.0%} fewer** weights and MACs, and has {stacked} "
        "non-linearities instead of 1.",
        per_channel=per_channel,
        single=single["kernel"] ** 2,
        saved=saved,
        stacked=stacked["nonlinearities"],
    )


def kernel_table(both: dict[str, dict]) -> pd.DataFrame:
    """The figures behind the sentence, one column per side."""
    names = {
        "receptive_field": tr("receptive field, px"),
        "weights": tr("weights"),
        "macs": "MACs",
        "nonlinearities": tr("non-linearities"),
    }
    heads = [f"{s['layers']} × {s['kernel']}×{s['kernel']}" for s in both.values()]
    columns = [[f"{s[key]:,}" for key in names] for s in both.values()]
    return pd.DataFrame(dict(zip(heads, columns, strict=True)), index=list(names.values()))
