"""Downloads of a trained network: what `export` makes, with a page that says how to use it."""

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

_ZIPS = {"source": "pytorch", "onnx": "onnx", "torchvision": "torchvision"}  # in files' names


def show(networks: list[Results]) -> None:
    """Buttons for each network. A file is made only when its button is pressed."""
    for network in networks:
        with st.container(border=True):
            st.subheader(formatting.plain(label_of(network.name)), anchor=False)
            if label_of(network.name) != network.name:
                st.caption(tr("Its files are named `{name}`.", name=network.name))
            with st.container(horizontal=True):
                buttons(network.name, network.card, network.name)
            with st.expander(tr("How to use the files"), icon=":material/code:"):
                _usage(network.name)
    if export.missing_for_onnx():
        st.caption(
            tr(
                "For ONNX, install the packages that `python -m vggcore export "
                "… --format onnx` names."
            )
        )


def _usage(name: str) -> None:
    """The code that README.md has, too."""
    st.caption(
        tr(
            "Unzip, put your picture beside the files as `photo.jpg`, and run this there. "
            "README.md has it, too, and says what the network takes."
        )
    )
    for engine, code in export.usage(name).items():
        st.markdown(f"**{engine}**")
        st.code(code, "python")


def buttons(checkpoint: str | Path, card: Card, name: str) -> None:
    """Each form of a network to download. name: its files'."""
    for_pytorch = tr("Weights, PyTorch source, card, and a page that shows how to use them")
    _bundle("PyTorch", checkpoint, name, "source", for_pytorch)
    # Making an ONNX model takes some seconds and a lot of memory: not on public deployments.
    if not export.missing_for_onnx() and not deployment.limits().public:
        checked = tr("Checked against PyTorch before you get it; with code that uses it")
        _bundle(tr("ONNX"), checkpoint, name, "onnx", checked)
    if source.torchvision_has(card.spec):
        weights = tr("The weights under torchvision's names")
        _bundle(tr("For torchvision"), checkpoint, name, "torchvision", weights)
    web_page(checkpoint, card, name)
    _button(
        tr("Model card (Markdown)"),
        name,
        export.FORMATS["model-card"][0],
        partial(export.export, checkpoint, "model-card"),
        tr("For the Hugging Face hub, where it must be called README.md"),
    )


def web_page(checkpoint: str | Path, card: Card, name: str, *, of: str = "") -> None:
    """A button for the network as one HTML page, unless it would be too large.

    name: its file's. of: which network, where there are two.
    """
    if webpage.estimate(card).bytes > webpage.MAX_BYTES:
        return
    explained = tr("The network in one file: draws, answers and shows its inside, offline")
    expected = tr(webpage.expected(card))
    make = partial(export.export, checkpoint, "html")
    label = tr("Web page")
    _button(
        formatting.plain(tr("{title}: {text}", title=label, text=of)) if of else label,
        name,
        export.FORMATS["html"][0],
        make,
        tr("{name} ({note})", name=explained, note=expected),
    )


def _bundle(label: str, checkpoint: str | Path, name: str, form: str, explained: str) -> None:
    make = partial(export.bundle, checkpoint, form)
    _button(label, name, f"{{}}-{_ZIPS[form]}.zip", make, explained)


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
