"""What the Overview page shows below the strip: each card links to its page."""

from contextlib import suppress
from math import isfinite

import streamlit as st

from dashboard.overview import journey, sketches
from dashboard.overview.sketches import Point
from dashboard.shared import formatting, language, palette
from dashboard.shared.language import N_, sentence, tr
from dashboard.shared.network_choice import label_of
from dashboard.shared.run_metrics import metrics_of
from vggcore import runs
from vggcore.model import anatomy, checkpoints
from vggcore.model.architectures import CONFIGURATIONS, VGGSpec
from vggcore.model.card import Card
from vggcore.runs import recorded

_RECORDED = "best"  # shown before there is a run
_POLL_SECONDS = 2.0


def sent_through(name: str) -> tuple[journey.Journey, str]:
    """The strip of a sample, computed now; or the stored one, and the reason."""
    try:
        with st.spinner(tr("The network is looking at it …")):
            return _computed(name, checkpoints.version(checkpoints.DEFAULT)), ""
    except checkpoints.CheckpointError as error:
        return journey.stored(), sentence(error)


@st.cache_resource(max_entries=8, show_spinner=False)
def _computed(name: str, version: str) -> journey.Journey:
    from dashboard.shared import cpu_share
    from vggcore.answers.classifier import load_classifier  # with PyTorch: on first click

    cpu_share.share()
    return journey.Journey.of(load_classifier(), journey.sample_picture(name), name)


def variants() -> None:
    """Parameters against cost: the paper's networks, and the best shipped one."""
    st.subheader(tr("Small to large"), anchor=False)
    points = [
        _point(VGGSpec(configuration=each.name), each.usual_name, palette.BLUE)
        for each in CONFIGURATIONS.values()
        if each.usual_name == f"VGG-{each.weight_layers}"  # depth alone makes it different
    ]
    if ours := max(_tested(), key=lambda card: card.test_accuracy or 0, default=None):
        reached = tr(
            "ours, {test_accuracy:.1%} right on clothing", test_accuracy=ours.test_accuracy
        )
        points.append(_point(ours.spec, reached, palette.RED, "right"))
    _drawing(sketches.scatter(points, tr("GMACs for one image"), tr("million parameters")))
    st.caption(
        tr(
            "The paper's networks at 224 px; ours at 64 px. A GMAC is a billion "
            "multiplications, each with an addition."
        )
    )
    st.page_link(
        "pages/compare.py", label=tr("Compare all variants"), icon=":material/table_chart:"
    )


def _tested() -> list[Card]:
    """Cards of the networks here that have been tested on Fashion-MNIST."""
    cards = []
    for name in checkpoints.available():
        with suppress(checkpoints.CheckpointError):  # the card beside this one reports it
            cards.append(checkpoints.read_card(name))
    return [card for card in cards if card.data.on_garments and card.test_accuracy is not None]


def _drawing(svg: str) -> None:
    st.markdown(svg, unsafe_allow_html=True)  # our own text; `st.html` would remove the SVG


def _point(spec: VGGSpec, name: str, colour: str, beside: str = "above") -> Point:
    totals = anatomy.totals(spec)
    return Point(name, totals.macs / 1e9, totals.parameters / 1e6, colour, beside)


def training() -> None:
    """The newest run's curve, or a recorded run's."""
    living = any(run.living for run in runs.list_runs())
    st.fragment(_training, run_every=_POLL_SECONDS if living else None)(living)


def _training(was_living: bool) -> None:
    all_runs = runs.list_runs()
    if any(run.living for run in all_runs) != was_living:
        st.rerun()
    st.subheader(tr("Watch one learn"), anchor=False)
    for run in all_runs:
        if epochs := _epochs(run):
            title = tr("{name}: {state}", name=run.name, state=tr(run.state))
            query, on = {"run": run.name}, tr("Validation")
            break
    else:
        recording = recorded.load(_RECORDED)
        title, query = tr("{title} (recorded)", title=tr(recording.title)), {"recorded": _RECORDED}
        epochs, on = recording.epochs(), tr(recording.evaluated_on.capitalize())
    lines = {
        on: [(row["epoch"], row["val_accuracy"]) for row in epochs],
        tr("Training"): [(row["epoch"], row["train_accuracy"]) for row in epochs],
    }
    _drawing(sketches.curves(lines, tr("Accuracy over epochs of {title}", title=title)))
    st.caption(tr("Accuracy. {title}.", title=formatting.plain(title)))
    with st.container(horizontal=True):
        st.page_link("pages/train.py", label=tr("Train"), icon=":material/model_training:")
        st.page_link(
            "pages/train.py",
            label=tr("Open this run"),
            icon=":material/open_in_full:",
            query_params=query,
        )


def _epochs(run: runs.Run) -> list[dict]:
    wanted = ("epoch", "val_accuracy", "train_accuracy")
    rows = metrics_of(run).epochs()
    return [row for row in rows if all(isfinite(row[key]) for key in wanted)]


def _in_words(spec: VGGSpec) -> str:
    """What a network's short name means."""
    name = tr(spec.table.usual_name)
    if spec.batch_norm and spec.width != 1:
        words = N_("{name} with batch normalisation and {width} of the paper's channels")
    elif spec.batch_norm:
        words = N_("{name} with batch normalisation")
    elif spec.width != 1:
        words = N_("{name} with {width} of the paper's channels")
    else:
        words = N_("the paper's {name}")
    return tr(words, name=name, width=spec.width)


def networks() -> None:
    """The shipped networks, and their accuracy."""
    st.subheader(tr("Included networks"), anchor=False)
    names = checkpoints.available()
    if not names:
        st.info(tr("None yet: train one on the Train page."))
    explained = {}
    for name in names[:4]:
        try:
            card = checkpoints.read_card(name)
        except checkpoints.CheckpointError as error:
            st.warning(sentence(error), icon=":material/broken_image:")
            continue
        if card.test_accuracy is None:
            reached = tr("not tested yet")
        elif card.data.on_garments:
            reached = tr(
                "right on **{test_accuracy:.1%}** of Fashion-MNIST's 10,000 test images",
                test_accuracy=card.test_accuracy,
            )
        else:
            reached = tr(
                "right on **{test_accuracy:.1%}** of its own test pictures",
                test_accuracy=card.test_accuracy,
            )
            if on := formatting.measured_on(card.test_accuracy, card.test_images):
                reached = tr("{reached} ({on})", reached=reached, on=on)
        facts = language.listed(
            fact
            for fact in (
                card.network,
                tr("{count} parameters", count=formatting.count(card.parameters or 0)),
            )
            if fact
        )
        st.markdown(
            tr(
                "**{name}**: {reached}.  \n{facts}.",
                name=formatting.plain(label_of(name)),
                reached=reached,
                facts=facts,
            )
        )
        explained[card.network] = _in_words(card.spec)
    for network, words in explained.items():
        st.caption(tr("{network} is {words}.", network=network, words=words))
    st.caption(
        tr("Each also says how sure it is. The network Photos and drawings can answer “unsure”.")
    )
    with st.container(horizontal=True):
        st.page_link("pages/classify.py", label=tr("Classify"), icon=":material/draw:")
        st.page_link("pages/results.py", label=tr("See its results"), icon=":material/insights:")
