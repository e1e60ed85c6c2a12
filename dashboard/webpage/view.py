"""The view of a network's inside, as a component: its maps, and how each number is computed."""

import base64
from pathlib import Path

import numpy as np
import streamlit as st

from dashboard.shared import language
from dashboard.shared.language import tr
from vggcore.answers import webpage
from vggcore.answers.classifier import Classifier
from vggcore.data.classes import CLASSES
from vggcore.pictures.prepare import Prepared

_DASHBOARD = Path(__file__).resolve().parents[1]


def _script(*files: str) -> str:
    return "".join((_DASHBOARD / file).read_text("utf-8") for file in files)


# A network takes megabytes: it is a message of its own, which the browser keeps.
_carrier = st.components.v2.component(
    "vgg_network", js=_script("webpage/assets/carrier.js"), html="<span></span>"
)
_inside = st.components.v2.component(
    "vgg_inside",
    html='<div class="inside"></div>',
    css=_script("webpage/assets/inside.css"),
    js=_script(
        "classify/assets/words.js", "webpage/assets/inside.js", "webpage/assets/component.js"
    ),
)


def possible(network: Classifier) -> bool:
    """Whether the network is small enough for a browser."""
    return webpage.estimate(network.checkpoint.card).bytes <= webpage.MAX_BYTES


def inside(network: Classifier, prepared: Prepared, key: str) -> None:
    """What the network computes for a prepared picture."""
    sha256 = network.checkpoint.card.sha256
    carried = {"id": sha256, "network": _described(network, sha256)}
    _carrier(key=f"{key}-network", data=carried | {"worker": webpage.worker_script()})
    inputs = [_sent(image) for image in prepared.inputs]
    _inside(key=f"{key}-inside", data={"id": sha256, "inputs": inputs, "texts": _texts()})


@st.cache_resource(max_entries=2, show_spinner=False)
def _described(_network: Classifier, sha256: str) -> dict:
    return webpage.described(_network.checkpoint)


def _sent(image: np.ndarray) -> dict:
    height, width = image.shape[:2]
    data = base64.b64encode(np.ascontiguousarray(image).tobytes()).decode()
    return {
        "width": width,
        "height": height,
        "channels": image.size // (height * width),
        "data": data,
    }


def _texts() -> dict[str, str]:
    if language.current() == "en":
        return {}
    return {text: tr(text) for text in webpage.texts() | set(CLASSES)}
