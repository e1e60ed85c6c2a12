"""Downloads of a trained network: weights, card, and the formats that `export` makes."""

from functools import partial
from pathlib import Path

import streamlit as st

from dashboard.shared import deployment, formatting
from dashboard.shared.language import tr
from dashboard.shared.network_choice import label_of
from vggcore.answers import export, webpage
from vggcore.answers.results import Results
from vggcore.model import source
from vggcore.model.card import Card


def show(networks: list[Results]) -> None:
    """Buttons for each network. A file is made only when its button is pressed."""
    for network in networks:
        with st.container(border=True):
            st.subheader(formatting.plain(label_of(network.name)), anchor=False)
            with st.container(horizontal=True):
                _buttons(network.name, network.card)
    if export.missing_for_onnx():
        st.caption(
            tr(
                "For ONNX, install the packages that `python -m vggcore export "
                "… --format onnx` names."
            )
        )


def _buttons(name: str, card: Card) -> None:
    _button(
        tr("Weights"),
        name,
        "{}.safetensors",
        partial(source.own_weights, name),
        tr("The safetensors file; fits the PyTorch source"),
    )
    _button(
        tr("Card (JSON)"),
        name,
        "{}.json",
        partial(export.card, name),
        tr("How it was trained, and how to prepare pictures for it"),
    )
    web_page(name, card, name)
    _form(tr("PyTorch source"), name, "source", tr("One file that needs only PyTorch"))
    _form(tr("Model card (Markdown)"), name, "model-card", tr("README.md for the Hugging Face hub"))
    if source.torchvision_has(card.spec):
        _form(
            tr("For torchvision"), name, "torchvision", tr("The weights under torchvision's names")
        )
    # Making an ONNX model takes some seconds and a lot of memory: not on public deployments.
    if not export.missing_for_onnx() and not deployment.limits().public:
        _form(tr("ONNX"), name, "onnx", tr("Checked against PyTorch before you get it"))


def web_page(checkpoint: str | Path, card: Card, name: str) -> None:
    """A button for the network as one HTML page, unless it would be too large. name: its file's."""
    if webpage.estimate(card).bytes > webpage.MAX_BYTES:
        return
    explained = tr("The network in one file: draws, answers and shows its inside, offline")
    expected = tr(webpage.expected(card))
    make = partial(export.export, checkpoint, "html")
    _button(
        tr("Web page"),
        name,
        export.FORMATS["html"][0],
        make,
        tr("{name} ({note})", name=explained, note=expected),
    )


def _form(label: str, name: str, form: str, explained: str) -> None:
    _button(label, name, export.FORMATS[form][0], partial(export.export, name, form), explained)


def _button(label: str, name: str, pattern: str, make, explained: str) -> None:
    st.download_button(
        label,
        make,
        pattern.format(name),
        key=f"take-{pattern.format(name)}",
        help=explained,
        icon=":material/download:",
        on_click="ignore",
    )
