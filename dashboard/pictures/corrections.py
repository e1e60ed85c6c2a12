"""Training on corrections: the session's own, and those given by visitors."""

from dataclasses import replace

import streamlit as st

from dashboard.classify import correct
from dashboard.shared import deployment, network_choice
from dashboard.shared.language import N_, tr
from dashboard.shared.thumbnails import strip
from vggcore import runs
from vggcore.answers import test_data
from vggcore.data.own import corrections, places
from vggcore.model import checkpoints
from vggcore.model.card import Card
from vggcore.model.presets import PRESETS
from vggcore.model.recipe import CORRECTIONS

_WHOSE = {"session": N_("From this session"), "collected": N_("Sent by visitors")}


def show() -> None:
    """The corrections so far, the network to correct, and the button."""
    st.write(
        tr(
            "Pictures that a network got wrong. A copy of the network learns them, while "
            "it is held to its old answers for everything else. Afterwards you see what it "
            "gained and lost."
        )
    )
    own, given = correct.of_this_session(), corrections.count(corrections.COLLECTED)
    if not own and not given:
        st.info(
            tr(
                "There are no corrections yet: choose “Correct it” below a wrong answer on "
                "the Classify page."
            )
        )
        st.page_link("pages/classify.py", label=tr("Classify"), icon=":material/draw:")
        return
    counts = {"session": len(own), "collected": given}
    whose = st.radio(
        tr("Corrections"),
        [name for name, count in counts.items() if count],
        format_func=lambda name: tr("{name} ({note})", name=tr(_WHOSE[name]), note=counts[name]),
        key="corrections-whose",
    )
    if whose == "session":
        _tiles(own)
    usable = {name: _usable(name, whose) for name in runs.trained_networks()}
    names = [name for name, number in usable.items() if number]
    network = st.selectbox(
        tr("Network to correct"),
        names,
        format_func=network_choice.label_of,
        key="corrections-network",
    )
    if not network:
        st.info(tr("No network here has any of these classes."))
        return
    if usable[network] < counts[whose]:
        st.caption(
            tr(
                "It learns {usable} of these {count}: it has no class for the others.",
                usable=usable[network],
                count=counts[whose],
            )
        )
    if st.button(
        tr("Train on these corrections"),
        type="primary",
        icon=":material/play_arrow:",
        key="corrections-train",
    ):
        start(network, whose)


def _tiles(own: list[correct.Correction]) -> None:
    captions = [
        tr("{label}, taken for {named}", label=tr(one.label), named=tr(one.named)) for one in own
    ]
    st.html(strip([(text, one.small) for text, one in zip(captions, own, strict=True)], side=112))
    if st.button(tr("Remove the last one"), icon=":material/undo:", key="corrections-undo"):
        own.pop()
        st.rerun()


def _usable(name: str, whose: str) -> int:
    """How many of the corrections a network has classes for; 0 if it cannot be tested after."""
    try:
        card = checkpoints.read_card(name)
    except ValueError:
        return 0
    if test_data.dataset_of(card) == "synthetic":
        return 0
    if whose == "session":
        return sum(one.label in _answers(card) for one in correct.of_this_session())
    return corrections.count(corrections.COLLECTED, _answers(card))


def _answers(card: Card) -> tuple[str, ...]:
    return corrections.answers(card.classes, card.data.name)


def start(network: str, whose: str) -> None:
    """Launch the training and go to its page. Raises ValueError if that is not possible."""
    classes = _answers(checkpoints.read_card(network))
    if whose == "session":
        own = [(one.label, one.png) for one in correct.of_this_session() if one.label in classes]
        source = places.keep_corrections(own)
    else:  # visitors may give more during the training
        source = corrections.snapshot(corrections.COLLECTED, classes)
    corrections.check(source, classes)
    recipe = replace(PRESETS[CORRECTIONS].train, pictures=source, init_from=network)
    started = runs.launch(
        checkpoints.read_card(network).spec,
        recipe,
        preset=CORRECTIONS,
        name=runs.free_name(f"{runs.slug(network)[:50]}-corrected"),
        visitor=deployment.visitor(),
        limits=deployment.limits(),
    )
    st.switch_page("pages/train.py", query_params={"run": started.name})
