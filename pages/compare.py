"""Compare: every VGG side by side. Opens without PyTorch."""

import streamlit as st

from dashboard.compare import charts as charts
from dashboard.compare import diagram
from dashboard.compare import inputs as inputs
from dashboard.compare import views as views
from dashboard.shared import address, copy_link, formatting, language, links, screen
from dashboard.shared.internals import through_entry_point
from dashboard.shared.language import N_, tr
from vggcore.commands import tables
from vggcore.model import anatomy, checkpoints, source
from vggcore.model.recipe import TrainConfig
from vggcore.training import cost


def largest(networks) -> str:
    """Which network has the most parameters, and which of its layers."""
    name = max(networks, key=lambda each: anatomy.totals(networks[each]).parameters)
    total = anatomy.totals(networks[name]).parameters
    layer = max(anatomy.walk(networks[name]), key=lambda row: row.parameters)
    return tr(
        "{name} has the most, {total:,}; its layer {layer} alone has {count:,} of them "
        "({share:.0%}).",
        name=name,
        total=total,
        layer=layer.name,
        count=layer.parameters,
        share=layer.parameters / total,
    )


def side_by_side(networks):
    above = st.container()
    drawings = {
        tr("Where the parameters are"): (
            "parameters",
            charts.parameters_by_kind,
            language.paragraph(
                tr(
                    "Each bar is one network's learned numbers; with the paper's classifier most "
                    "of them sit in the three fully connected layers."
                ),
                largest(networks),
            ),
        ),
        tr("Where the computation is"): (
            "macs",
            charts.macs_by_block,
            tr(
                "Each bar is the arithmetic for one image; nearly all of it is in the "
                "convolutions, so adding convolutions slows a network down far more than it "
                "makes it larger."
            ),
        ),
        tr("Where the memory goes"): (
            "activations",
            charts.activations_by_layer,
            tr(
                "Each piece is what one layer writes for one image; the first blocks write most, "
                "because their maps are still as large as the image."
            ),
        ),
    }
    figures = []
    # Each chart is sent as soon as it is built: the browser paints it while the next is built here,
    # and all of them while the table is made.
    for title, (name, draw, sentence) in drawings.items():
        st.subheader(title)
        st.caption(sentence)
        figures.append(draw(networks))
        views.chart(figures[-1], name, sentence)
    table = tables.variants(list(networks.values())).assign(name=list(networks))
    # Networks have no natural order for sorting.
    ours = tables.garment_accuracies().groupby("spec", sort=False).accuracy.max()
    table["garments"] = [ours.get(spec, float("nan")) for spec in networks.values()]
    recipe = TrainConfig(batch_size=64)
    needs = [cost.estimate(spec, recipe) for spec in networks.values()]
    table["training"] = [cost.memory_bytes(spec, recipe) for spec in networks.values()]
    table["epoch"] = [need.seconds_per_epoch for need in needs]
    with above:
        views.variants(table)
        st.caption(
            tr(
                "{convention} ✓: our count equals the published one. Training: estimated peak "
                "memory at batch 64, and time for 55,000 images ({basis}).",
                convention=tr(anatomy.CONVENTION),
                basis=formatting.basis(needs[0].basis),
            )
        )
    views.download_buttons(table, "vgg-variants", figures)


def accuracy(networks):
    points = tables.garment_accuracies()
    st.subheader(tr("On Fashion-MNIST"))
    sentence = tr(
        "Each mark is one trained network: the higher, the more often it is right on "
        "10,000 garments it has never seen; the further right, the larger it is. Published "
        "results stand beside those trained here."
    )
    st.caption(sentence)
    views.chart(charts.accuracy_on_garments(points), "garments-accuracy", sentence)
    if "fashion-mnist" in checkpoints.available():
        st.page_link(
            "pages/classify.py",
            label=tr("Try our most accurate network"),
            icon=":material/draw:",
            query_params={"network": "fashion-mnist"},
        )
    st.subheader(tr("On ImageNet, as the paper reports"))
    sentence = tr(
        "Each mark is one column of the paper: depth bought accuracy up to 16 layers, and "
        "training on images of varied scale bought more than the last three layers did."
    )
    st.caption(sentence)
    views.chart(charts.imagenet_accuracy(), "imagenet-accuracy", sentence)
    views.download_buttons(points.drop(columns="spec"), "vgg-accuracy")


def what_changes(networks):
    st.caption(
        tr("Two networks layer by layer, aligned by block: what the second adds, drops or changes.")
    )
    before, after = inputs.two_networks()
    table = anatomy.diff(inputs.spec_of(before), inputs.spec_of(after))
    st.markdown(views.diff_sentence(table, before, after))
    if st.toggle(tr("Show only differences"), key="differs", bind="query-params"):
        table = table[table.change != "same"]
    views.diff(table, before, after)
    views.download_buttons(table, f"{before}-to-{after}")


def one_network(networks):
    name = inputs.one_network()
    spec = inputs.spec_of(name)
    st.caption(
        tr(
            "The maps as papers draw them: a block's face shows the side of a map, its "
            "depth the number of channels, both on a logarithmic scale; red is pooling."
        )
    )
    views.drawing(diagram.volumes(spec))
    drawing, text = st.columns([4, 5])
    with drawing:
        st.subheader(tr("From image to answer"))
        st.caption(
            tr("Each bar is a layer: as wide as its map, to scale, and thicker with more channels.")
        )
        views.drawing(diagram.network(spec))
    with text:
        st.subheader(tr("Shapes"))
        st.caption(
            tr("What comes out of each block for one image: [images, channels, height, width].")
        )
        st.code(anatomy.shapes_text(spec), language=None)
        with st.expander("print(net)"):
            st.code(source.printed(spec), language=None)
        links.train(spec)
        views.take_network_away(spec, name)
    st.subheader(tr("Memory, layer by layer"))
    sentence = tr(
        "Each bar is the memory that one layer writes for one image, in the order in which "
        "the image passes them."
    )
    st.caption(sentence)
    views.chart(charts.layer_memory(spec), "layer-memory", sentence)
    table = anatomy.layers(spec)
    views.layers(table)
    views.download_buttons(table, f"{name}-layers", [charts.layer_memory(spec)])


def small_kernels(networks):
    st.caption(
        tr(
            "The paper's idea: a few small kernels on top of each other see as far as one large "
            "kernel, with fewer weights and more non-linearities in between."
        )
    )
    kernel, count, maps, side = inputs.kernels()
    both = anatomy.stacked_kernels(kernel, count, maps, side)
    stacked, single = st.columns(2)
    field = both["single"]["kernel"]
    with stacked:
        st.markdown(
            tr(
                "**{count} stacked {kernel}×{kernel}**: each ring is one more layer's reach",
                count=count,
                kernel=kernel,
            )
        )
        views.drawing(diagram.receptive_field(kernel, count))
    with single:
        st.markdown(
            tr("**one {field}×{field}** sees the same {field}×{field} pixels at once", field=field)
        )
        views.drawing(diagram.receptive_field(kernel, count, single=True))
    st.markdown(views.kernel_sentence(both))
    st.table(views.kernel_table(both))


VIEWS = {
    N_("Side by side"): side_by_side,
    N_("Accuracy"): accuracy,
    N_("What changes"): what_changes,
    N_("One network"): one_network,
    N_("Small kernels"): small_kernels,
}

through_entry_point()
address.take(inputs.parameters() | {"view": address.choice(VIEWS)})
st.html(charts.INK)
copy_link.title(tr("Compare"))
st.write(tr("Choose networks and settings: everything below updates at once."))
settings = tr("Networks and settings")
narrow = screen.is_narrow()  # there, the settings would fill the first screen
with st.expander(settings, icon=":material/tune:") if narrow else st.container(border=True):
    chosen = inputs.controls()
tabs = st.tabs(language.tab_labels("view", VIEWS), key="view", bind="query-params")
for tab, show in zip(tabs, VIEWS.values(), strict=True):
    if tab.open and chosen:  # only the open view is computed
        with tab:
            show(chosen)
if not chosen:
    st.info(tr("Choose at least one network above."))
