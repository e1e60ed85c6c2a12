"""Downloads of a trained network: weights, card, and the formats that `export` makes."""

from functools import partial

import streamlit as st

from dashboard.shared import deployment, formatting
from dashboard.shared.language import tr
from dashboard.shared.network_choice import shown
from vggcore.answers import export
from vggcore.answers.results import Results
from vggcore.model import source
from vggcore.model.architectures import VGGSpec


def show(networks: list[Results]) -> None:
    """Buttons for each network. A file is made only when its button is pressed."""
    for found in networks:
        with st.container(border=True):
            st.subheader(formatting.plain(shown(found.name)), anchor=False)
            with st.container(horizontal=True):
                _buttons(found.name, found.card.spec)
    if export.missing_for_onnx():
        st.caption(
            tr(
                "For ONNX, install the packages that `python -m vggcore export "
                "… --format onnx` names."
            )
        )


def _buttons(name: str, spec: VGGSpec) -> None:
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
    _form(tr("PyTorch source"), name, "source", tr("One file that needs only PyTorch"))
    _form(tr("Model card (Markdown)"), name, "model-card", tr("README.md for the Hugging Face hub"))
    if source.torchvision_has(spec):
        _form(
            tr("For torchvision"), name, "torchvision", tr("The weights under torchvision's names")
        )
    # Making an ONNX model takes some seconds and a lot of memory: not on public deployments.
    if not export.missing_for_onnx() and not deployment.limits().public:
        _form(tr("ONNX"), name, "onnx", tr("Checked against PyTorch before you get it"))


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
