"""The seven steps. Each draws itself and returns the question at its end."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import pandas as pd
import streamlit as st
from PIL import Image

from dashboard.compare import diagram
from dashboard.learn.code import show_code
from dashboard.shared import address, cpu_share, formatting
from dashboard.shared.language import N_, sentence, tr
from dashboard.shared.network_choice import label_of
from dashboard.shared.run_metrics import metrics_of
from dashboard.train import charts
from dashboard.train.recipe_cards import time_here
from vggcore import runs
from vggcore.answers import results
from vggcore.data.classes import CLASSES
from vggcore.model import anatomy, checkpoints, source
from vggcore.model.architectures import CONFIGURATIONS, VGGSpec
from vggcore.model.presets import PRESETS
from vggcore.runs import recorded
from vggcore.training import cost

_PUBLISHED = "tutorial-published"
_T_SHIRT = Path(__file__).resolve().parents[1] / "assets" / "samples" / "t-shirt.png"


@dataclass(frozen=True)
class Question:
    """A question that the step's contents answer."""

    text: str
    answer: int | str
    choices: tuple[str, ...] = ()  # empty: a whole number is typed in
    why: str = ""  # shown after a right answer
    hint: str = ""  # shown after a wrong answer


def small_kernels() -> Question:
    st.markdown(
        tr(
            "Three 3×3 convolutions on top of each other see as far as one 7×7, with fewer weights "
            "and three ReLUs instead of one. That is the idea behind VGG."
        )
    )
    left, right = st.columns(2)
    count = left.slider(tr("Stacked 3×3 layers"), 1, 4, 2, key="learn-count")
    channels = right.slider(tr("Channels C"), 8, 512, 64, 8, key="learn-channels")
    show_code(
        "from vggcore.model.anatomy import stacked_kernels\n\n"
        f"both = stacked_kernels(kernel=3, count={count}, channels={channels}, side=56)\n"
        "for name, row in both.items():\n"
        f"    print(name, row['kernel'], row['weights'], row['weights'] // {channels}**2, 'C²')",
        "\n".join(
            f"{name} {row['kernel']} {row['weights']} {row['weights'] // channels**2} C²"
            for name, row in anatomy.stacked_kernels(3, count, channels, 56).items()
        ),
    )
    st.markdown(diagram.receptive_field(3, count), unsafe_allow_html=True)
    return Question(
        tr("One 7×7 convolution has 49·C² weights. How many times C² do three 3×3 ones have?"),
        27,
        why=tr("3 · 3·3 = 27: a little more than half."),
        hint=tr("Each of the three has 3·3·C² weights."),
    )


def one_block() -> Question:
    st.markdown(
        tr(
            "A block is some convolutions with ReLU, which keep height and width, then a max-pool, "
            "which halves them."
        )
    )
    left, middle, right = st.columns(3)
    convs = left.slider("num_convs", 1, 4, 2, key="learn-convs")
    before = middle.select_slider("in_channels", (1, 3, 16, 64), 3, key="learn-in")
    after = right.select_slider("out_channels", (8, 16, 64, 128), 16, key="learn-out")
    show_code(
        "import torch\nfrom vggcore import vgg_block\n\n"
        f"block = vgg_block(num_convs={convs}, in_channels={before}, out_channels={after})\n"
        "print(block)\n"
        f"print(block(torch.zeros(1, {before}, 32, 32)).shape)",
        _block(convs, before, after),
    )
    return Question(
        tr("A map of 112×112 goes into a block. How many pixels a side is the map that comes out?"),
        56,
        why=tr("The pool halves 112; the convolutions do not change the size."),
        hint=tr("Only the max-pool changes height and width."),
    )


@st.cache_data(max_entries=50, show_spinner=False)
def _block(convs: int, before: int, after: int) -> str:
    import torch

    from vggcore import vgg_block

    cpu_share.share()
    block = vgg_block(num_convs=convs, in_channels=before, out_channels=after)
    return f"{block}\n{block(torch.zeros(1, before, 32, 32)).shape}"


def _look_inside() -> None:
    """The shipped network and a T-shirt: each layer's maps, and how each number is computed."""
    from dashboard.webpage import view
    from vggcore.answers.classifier import load_classifier

    try:
        cpu_share.share()
        network = load_classifier()
    except checkpoints.CheckpointError as error:
        st.info(sentence(error))
        return
    view.inside(network, network.prepare(Image.open(_T_SHIRT)), "learn")


def whole_network() -> Question:
    st.markdown(
        tr(
            "VGG-11 is five blocks and three fully connected layers. The tutorial writes it as "
            "`conv_arch`: pairs of (num_convs, out_channels)."
        )
    )
    side = st.select_slider(tr("Image side, pixels"), (32, 64, 96, 128, 224), 224, key="learn-side")
    show_code(
        "from vggcore.model.anatomy import shapes_text\n"
        "from vggcore.model.architectures import VGGSpec\n\n"
        "conv_arch = ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512))\n"
        "print('weight layers:', sum(convs for convs, _ in conv_arch) + 3)\n"
        f"print(shapes_text(VGGSpec(configuration='A', image_size={side}, in_channels=1)))",
        "weight layers: 11\n"
        + anatomy.shapes_text(VGGSpec(configuration="A", image_size=side, in_channels=1)),
    )
    if st.toggle(tr("Look inside a trained network"), key="learn-look"):
        _look_inside()
    return Question(
        tr(
            "At 224 pixels block 5 gives 512 maps of 7×7. How many numbers reach the first fully "
            "connected layer?"
        ),
        25088,
        why=tr("512 · 7 · 7 = 25,088: with 4,096 units that one layer has 103 million weights."),
        hint=tr("All maps are laid out in one row: channels times height times width."),
    )


def family() -> Question:
    st.markdown(
        tr(
            "The paper's columns A to E differ in how many convolutions "
            "the blocks have. The authors trained A first and started the "
            "deeper ones from its weights: progressive pre-training."
        )
    )
    names = list(CONFIGURATIONS)
    chosen = st.select_slider(tr("Column of Table 1"), names, "A", key="learn-column")
    show_code(
        "from vggcore.model import anatomy\n"
        "from vggcore.model.architectures import CONFIGURATIONS, VGGSpec\n\n"
        f"column = CONFIGURATIONS[{chosen!r}]\n"
        "print(column.usual_name, [len(block) for block in column.blocks], 'convolutions')\n"
        f"totals = anatomy.totals(VGGSpec(configuration={chosen!r}, in_channels=3, "
        "num_classes=1000))\n"
        "print(totals.weight_layers, 'weight layers,', f'{totals.parameters:,} parameters')",
        _column(chosen),
    )
    st.page_link(
        "pages/compare.py",
        label=tr("See where two of them differ"),
        icon=":material/difference:",
        query_params={"view": "What changes"},
    )
    return Question(
        tr("Which column has 16 weight layers and only 3×3 kernels?"),
        "D",
        tuple(names),
        why=tr(
            "D is what people call VGG-16. C has 16 layers too, but three of its kernels are 1×1."
        ),
        hint=tr("Two columns have 16 weight layers; one of them uses 1×1 kernels."),
    )


def _column(name: str) -> str:
    column = CONFIGURATIONS[name]
    totals = anatomy.totals(VGGSpec(configuration=name, in_channels=3, num_classes=1000))
    return (
        f"{column.usual_name} {[len(block) for block in column.blocks]} convolutions\n"
        f"{totals.weight_layers} weight layers, {totals.parameters:,} parameters"
    )


def narrow() -> Question:
    st.markdown(
        tr(
            "The full VGG-11 is large for 28-pixel garments. The tutorial divides every channel "
            "count by 8."
        )
    )
    ratio = st.select_slider(tr("Divide channels by"), (1, 2, 4, 8, 16), 8, key="learn-ratio")
    spec = VGGSpec(configuration="A", width=Fraction(1, ratio), in_channels=1, num_classes=10)
    show_code(
        "from vggcore.model import anatomy, source\n"
        "from vggcore.model.architectures import VGGSpec\n\n"
        f"spec = VGGSpec(configuration='A', width='1/{ratio}', in_channels=1, num_classes=10)\n"
        "print(f'{anatomy.totals(spec).parameters:,} parameters')\n"
        "print(source.printed(spec))",
        f"{anatomy.totals(spec).parameters:,} parameters\n{source.printed(spec)}",
    )
    return Question(
        tr(
            "The numbers of input and output channels of a convolution are both divided by "
            "8. By how much is its number of weights divided?"
        ),
        64,
        why=tr("Both numbers shrink by a factor of 8, so the weights shrink by 8 · 8 = 64."),
        hint=tr("Weights of a convolution: 3·3 times input channels times output channels."),
    )


def training() -> Question:
    st.markdown(
        tr(
            "The tutorial trains this network on Fashion-MNIST at 224 "
            "pixels for five epochs. Start the same recipe, or a short "
            "try-out, and watch it beside the published points."
        )
    )
    with st.container(horizontal=True):
        for preset, label in (("try-out", tr("Set up a short try-out")),
                              ("tutorial", tr("Set up the tutorial's run"))):  # fmt: skip
            time = time_here(preset)
            st.page_link(
                "pages/train.py",
                label=tr("{name} ({note})", name=label, note=time) if time else label,
                icon=":material/model_training:",
                query_params={"preset": preset},
            )
    lines = [charts.Curves.of(tr("Published (test)"), recorded.load(_PUBLISHED))]
    newest = next((run for run in runs.list_runs() if run.has_best), None)
    if newest is not None and newest.spec is not None:
        whose = tr(
            "{name}, the newest run here: {network}", name=newest.name, network=newest.spec.name
        )
        lines.append(charts.Curves.of(whose, metrics_of(newest)))
    st.plotly_chart(
        charts.overlay(lines, "accuracy", charts.Look(x="epoch")),
        key="learn-curves",
        alt=tr("Accuracy over epochs, published and of the newest run here"),
    )
    st.markdown(
        tr("**Out of memory?** Move these sliders, and see how much a training step needs.")
    )
    left, right = st.columns(2)
    batch = left.select_slider(tr("Batch size"), (16, 32, 64, 128, 256, 512), 64, key="learn-batch")
    side = right.select_slider(
        tr("Image side, px"), (32, 64, 96, 128, 224), 224, key="learn-pixels"
    )
    needs = _memory(side, batch)
    st.markdown(
        tr(
            "About **{size}** of memory, by the Train page's estimate.",
            size=formatting.size(needs),
        )
    )
    return Question(
        tr("The batch is halved. What needs half as much memory?"),
        "what the layers keep of each image",
        (N_("the weights"), N_("what the layers keep of each image"), N_("the optimizer's state")),
        why=tr("Weights and the optimizer's state are stored once, whatever the batch size."),
        hint=tr("Which of these is stored once, and which once for each image?"),
    )


def _memory(side: int, batch: int) -> int:
    """Bytes that the tutorial's recipe needs at this size."""
    preset = PRESETS["tutorial"]
    spec = replace(preset.spec, image_size=side)
    return cost.memory_bytes(spec, replace(preset.train, batch_size=batch))


def own_drawing() -> Question:
    st.markdown(
        tr(
            "A trained network becomes interesting when it meets something new. Draw a "
            "garment and see what the network says; then look at what it gets wrong on "
            "10,000 test images."
        )
    )
    with st.container(horizontal=True):
        st.page_link("pages/classify.py", label=tr("Draw a garment"), icon=":material/draw:")
        st.page_link(
            "pages/results.py",
            label=tr("See the confusion matrix"),
            icon=":material/grid_on:",
            query_params={"section": "Confusion", "network": checkpoints.DEFAULT},
        )
    counts = _shirts()
    if counts is None:
        st.info(
            tr(
                "The network {network} is not here, so here is a question that does "
                "not need its results.",
                network=checkpoints.DEFAULT,
            )
        )
        return Question(
            tr("How many classes does Fashion-MNIST have?"), 10, why=tr("Ten."), hint=tr("Count.")
        )
    st.dataframe(
        pd.DataFrame(
            {tr("Shirts taken for"): [tr(name) for name in CLASSES], tr("out of 1,000"): counts}
        ),
        hide_index=True,
        key="learn-shirts",
        width="content",
        placeholder="",
    )
    others = [0 if name == "Shirt" else n for name, n in zip(CLASSES, counts, strict=True)]
    worst = CLASSES[others.index(max(others))]
    return Question(
        tr(
            "What does the network {network} most often take a Shirt for?",
            network=label_of(checkpoints.DEFAULT),
        ),
        worst,
        tuple(name for name in CLASSES if name != "Shirt"),
        why=tr(
            "At 28 pixels, buttons and collars are only two or three pixels wide: people "
            "confuse such garments too."
        ),
        hint=tr("Look for the largest number beside a Shirt's own."),
    )


def _shirts() -> list[int] | None:
    """How often the shipped network gives each class as its answer for the test set's shirts."""
    try:
        stored = results.cached(checkpoints.DEFAULT)
    except checkpoints.CheckpointError:
        return None
    return stored.scores["confusion"][CLASSES.index("Shirt")] if stored else None


# By number and English name, which are in the address; the page shows the names translated.
STEPS: dict[str, Callable[[], Question]] = {
    f"{number} {name}": step
    for number, (name, step) in enumerate(
        {
            N_("Small kernels"): small_kernels,
            N_("One block"): one_block,
            N_("Whole network"): whole_network,
            N_("The family"): family,
            N_("A narrow network"): narrow,
            N_("Training"): training,
            N_("Your drawing"): own_drawing,
        }.items(),
        start=1,
    )
}
PARAMETERS = {"step": address.text, "done": address.numbers(range(1, len(STEPS) + 1))}
