"""What the Classify page shows about one picture: answer, steps, overrides, explanations."""

from functools import partial
from html import escape

import numpy as np
import streamlit as st
from PIL import Image

from dashboard.classify import correct
from dashboard.shared import address, cpu_share, formatting, language, palette
from dashboard.shared.language import N_, sentence, tr
from dashboard.shared.thumbnails import strip
from dashboard.webpage import view
from vggcore.answers import test_data
from vggcore.answers.classifier import TURNS as TURNS_IN_WORDS
from vggcore.answers.classifier import Classifier, Prediction, load_classifier
from vggcore.answers.explain import (
    Bank,
    bank_seconds,
    bank_size,
    cam_overlay,
    feature_maps,
    mosaic,
    nearest,
    training_bank,
)
from vggcore.data.classes import percent
from vggcore.data.fashion_mnist import load_split, synthetic_garments
from vggcore.data.raw_files import DataMissing
from vggcore.pictures.prepare import takes_whole, visible

MOST_SAMPLES = 100_000  # of a class; the address names one by its number
PARAMETERS = {
    **{name: address.text for name in ("network", "second", "source", "sample-class")},
    "sample-number": address.number(0, MOST_SAMPLES - 1),
}
_SHOWN = 5  # bars
TURNS = {
    N_("As it is"): 0,
    N_("Left"): 90,
    N_("Upside down"): 180,
    N_("Right"): 270,
}  # degrees counterclockwise
LOOKED_AT = N_(
    "There is more in this picture: the answer is only for the one large thing in it. To "
    "include everything, choose Crop: Whole picture below, or draw a box."
)
NEVER_DOUBTS = N_(
    "This network has seen nothing but garments, and cannot say that something is not one: "
    "show it a line or a smiley, and it still names a garment."
)

OVERRIDES: dict[str, tuple[str, dict[str, str]]] = {
    "invert": (
        N_("Garment"),
        {
            "auto": N_("Detect"),
            "yes": N_("Darker than its background"),
            "no": N_("Brighter than its background"),
        },
    ),
    "crop": (N_("Crop"), {"auto": N_("To the garment"), "off": N_("Whole picture")}),
    "background": (
        N_("Background"),
        {"auto": N_("Detect"), "keep": N_("Keep it"), "remove": N_("Remove matching areas")},
    ),
}


def classifier(name: str) -> Classifier:
    """Loaded once per process, and reloaded when a run's best checkpoint has changed.

    Raises CheckpointError.
    """
    with st.spinner(tr("Loading the network …")):
        cpu_share.share()
        return load_classifier(name)


@st.cache_resource(max_entries=1, show_spinner=False)
def _samples() -> tuple[np.ndarray, np.ndarray, bool]:
    try:
        images, labels = load_split("test")
    except DataMissing:
        images, labels = synthetic_garments(500, seed=1)
        return images.numpy(), labels.numpy(), True
    return images.numpy(), labels.numpy(), False


def sample(network: Classifier, class_name: str, number: int) -> tuple[Image.Image, str]:
    """The test image of a class at `number`, wrapping round, and where it comes from.

    Raises DataMissing if a network's own pictures are not here.
    """
    card = network.checkpoint.card
    with st.spinner(tr("Reading the test set …")):
        if test_data.is_own(card):
            images, labels = test_data.test_pictures(card)
            origin = tr("your test picture")
        else:
            images, labels, synthetic = _samples()
            origin = tr("synthetic") if synthetic else tr("Fashion-MNIST test image")
    indices = np.flatnonzero(labels == network.classes.index(class_name))
    return Image.fromarray(visible(images[indices[number % len(indices)]])), origin


@st.cache_resource(max_entries=2, show_spinner=False)
def _bank(_network: Classifier, sha256: str) -> Bank:
    return training_bank(_network)


def show(
    picture: Image.Image,
    networks: dict[str, Classifier],
    key: str,
    *,
    framed: bool = False,
    correctable: bool = True,
) -> Prediction:
    """Everything about one picture, from one network or from two side by side, by name.

    framed: the visitor has cut the picture to the garment. correctable: networks may learn it.
    Returns the first network's answer.
    """
    answers = st.container()  # filled last but shown first: it needs the choices below it
    # Networks for whole pictures neither crop nor look for a background.
    cut = [name for name, network in networks.items() if not _takes_whole(network)]
    all_ways = tr("Adjust the picture: turn, background, crop, dark or bright")
    with st.expander(all_ways if cut else tr("Turn the picture")):
        turn = choose_turn(key)
        overrides = choose_overrides(key) if cut else {}
    picture = picture.rotate(turn, expand=True) if turn else picture
    row = st.container(horizontal=True, vertical_alignment="center")
    explain = row.toggle(
        tr("Explain the answer"),
        key=f"{key}-explain",
        help=tr(
            "Where the network looked, what its blocks see, and the most similar training images"
        ),
    )
    predictions = {
        name: network.classify(picture, framed=framed, **(overrides if name in cut else {}))
        for name, network in networks.items()
    }
    columns = answers.columns(len(networks))
    for column, (name, prediction) in zip(columns, predictions.items(), strict=True):
        with column:
            st.html(answer_html(prediction, name if len(networks) > 1 else ""))
            st.html(steps_html(prediction, networks[name].mirrors))
            if prediction.looked_at:
                st.caption(tr(LOOKED_AT))
            if networks[name].checkpoint.card.unsure is None:
                st.caption(tr(NEVER_DOUBTS))
    first, asked = next(iter(predictions.values())), next(iter(networks.values()))
    if correctable:
        with row:
            correct.offer(picture, asked, first.label, key, framed=framed)
    if first.turn:
        answers.button(
            tr("Turn it: {turn}", turn=tr(TURNS_IN_WORDS[first.turn])),
            key=f"{key}-turn-it",
            on_click=_turn_on,
            args=(key, turn + first.turn),
            icon=":material/rotate_left:",
        )
    if explain:
        with st.spinner(tr("Explaining the answer …")):
            for name, network in networks.items():
                explanation(name, network, predictions[name], key)
    return first


def in_short(answer: Prediction) -> str:
    """ "Shirt 93 %", or "unsure"."""
    return tr("unsure") if answer.unsure else f"{tr(answer.label)} {percent(answer.probability)}"


def _takes_whole(network: Classifier) -> bool:
    return takes_whole(network.preprocessing.style)


def choose_turn(key: str) -> int:
    """How many degrees to turn the picture counterclockwise; 0 for invalid values."""
    chosen = st.segmented_control(
        tr("Turn"),
        list(TURNS),
        default="As it is",
        required=True,
        key=f"{key}-turn",
        format_func=tr,
    )
    return TURNS.get(chosen, 0)


def _turn_on(key: str, degrees: int) -> None:
    names = {each: name for name, each in TURNS.items()}
    st.session_state[f"{key}-turn"] = names[degrees % 360]


def choose_overrides(key: str) -> dict[str, str]:
    """Arguments for `pictures.prepare`; values from the browser that are no choice are refused."""
    chosen: dict[str, str] = {}
    columns = st.columns(len(OVERRIDES))
    for column, (name, (label, choices)) in zip(columns, OVERRIDES.items(), strict=True):
        chosen[name] = column.selectbox(
            tr(label),
            list(choices),
            format_func=partial(_choice, choices),
            key=f"{key}-{name}",
        )
    return chosen


def _choice(choices: dict[str, str], each: str) -> str:
    return tr(choices[each])


def answer_html(prediction: Prediction, heading: str = "") -> str:
    """The answer in words and its most probable classes as bars."""
    ranked = sorted(prediction.probabilities.items(), key=lambda item: -item[1])[:_SHOWN]
    verdict, note = (
        escape(tr(prediction.label)),
        tr("{probability} sure", probability=percent(prediction.probability, 1)),
    )
    if prediction.unsure:
        verdict, note = tr("Unsure"), escape(tr(prediction.reason))
    colour = palette.BAR_MUTED if prediction.none_of_these else palette.BAR
    bars = "".join(_bar(label, chance, colour) for label, chance in ranked)
    if prediction.none_of_these:
        condition = tr("If it were one of them:")
        bars = f"<li>{condition}</li>{bars}"
    title = f"<div>{escape(heading)}</div>" if heading else ""
    return (
        f'{title}<div role="status" class="answer" style="margin-bottom:.5rem">'
        f'<strong style="font-size:1.7rem;line-height:1.3;font-weight:600">{verdict}</strong>'
        f"<div>{note}</div></div>"
        f'<ol style="list-style:none;margin:0;padding:0">{bars}</ol>'
    )


def _bar(label: str, chance: float, colour: str) -> str:
    return (
        '<li style="display:grid;grid-template-columns:7rem 1fr 3.2rem;gap:.5rem;'
        'align-items:center;margin:.2rem 0">'
        f"<span>{escape(tr(label))}</span>"
        f'<span style="background:{palette.BAR_BACKGROUND};border-radius:5px;height:1.05rem">'
        f'<span style="display:block;width:{100 * chance:.1f}%;height:100%;border-radius:5px;'
        f'background:{colour}"></span></span>'
        f'<span style="text-align:right">{percent(chance, 1)}</span></li>'
    )


def steps_html(prediction: Prediction, mirrors: bool) -> str:
    """The steps from the picture to exactly what the network sees.

    mirrors: whether it also looks at the mirror image.
    """
    prepared = prediction.prepared
    captions = [f"{number}. {tr(name)}" for number, (name, _) in enumerate(prepared.steps, start=1)]
    pictures = [image for _, image in prepared.steps]
    if prepared.middle is not None:
        captions.append(tr("{number}. the same for its middle", number=len(captions) + 1))
        pictures.append(visible(prepared.middle))
    if mirrors:
        last = slice(-len(prepared.inputs), None)
        captions[last] = [caption + tr(", also mirrored") for caption in captions[last]]
    return strip(list(zip(captions, pictures, strict=True)), side=96)  # up to six in a row


def explanation(name: str, network: Classifier, prediction: Prediction, key: str) -> None:
    """Grad-CAM, the network's inside and nearest training images for one network's answer."""
    network_input = prediction.prepared.network_input
    picture = network.network_input(network_input)
    why = (
        N_("Why {label}, if it were one of them? ({name})")
        if prediction.none_of_these
        else N_("Why {label}? ({name})")
    )
    st.subheader(tr(why, label=tr(prediction.label), name=name))
    ranked = sorted(prediction.probabilities.items(), key=lambda item: -item[1])[:3]
    st.markdown(
        tr("**Regions that support each class** (Grad-CAM), for the three most probable classes")
    )
    st.html(
        strip(
            [
                (
                    language.listed([tr(label), percent(chance)]),
                    cam_overlay(network, network_input, label),
                )
                for label, chance in ranked
            ],
            side=160,
        )
    )
    if view.possible(network):
        st.markdown(tr("**What each layer sees**, and how each of its numbers is computed"))
        view.inside(network, prediction.prepared, f"{key}-{name}")
    else:
        _blocks(network, picture)
    st.markdown(tr("**Most similar training images**, by the network's last features"))
    try:
        spec = network.checkpoint.card.spec
        looking = tr(
            "Looking at {count:,} training images, which takes about {time} …",
            count=bank_size(spec),
            time=formatting.duration(bank_seconds(spec)),
        )
        with st.spinner(looking):
            bank = _bank(network, network.checkpoint.card.sha256)
    except DataMissing as error:
        st.info(sentence(error))
        return
    similar = nearest(network.network, picture, bank.features)
    st.html(
        strip(
            [
                (
                    language.listed([tr(network.classes[bank.labels[index]]), f"{similarity:.2f}"]),
                    visible(bank.images[index]),
                )
                for index, similarity in zip(*similar, strict=True)
            ],
            side=84,
        )
    )


def _blocks(network: Classifier, picture) -> None:
    """The output of each block, for networks that are too large for a browser."""
    st.markdown(tr("**What each block sees**: its 16 most active feature maps"))
    maps = feature_maps(network.network, picture)
    st.html(
        strip(
            [
                (
                    tr(
                        "block {number}: {count} maps of {side}×{side}",
                        number=number,
                        count=len(block),
                        side=block.shape[1],
                    ),
                    mosaic(block),
                )
                for number, block in enumerate(maps, start=1)
            ],
            side=160,
        )
    )
