"""Under an answer: "it is a …", kept in the visitor's session or given to the page's owner."""

from typing import NamedTuple

import streamlit as st
from PIL import Image

from dashboard.shared import deployment, formatting
from dashboard.shared.language import sentence, tr
from vggcore.answers.classifier import Classifier
from vggcore.data.own import corrections
from vggcore.data.own.listing import PicturesError
from vggcore.machine.messages import Message

MOST = 50  # per session
_SIDE = 256  # pixels of the longest side of a kept picture
_KEPT = "corrections"  # in the session
_SAID = "correction-said"  # the reply to the last correction, by where it was made


class Correction(NamedTuple):
    """One picture that was named wrongly."""

    label: str  # what it is
    named: str  # what it was called
    png: bytes
    small: Image.Image


def of_this_session() -> list[Correction]:
    """The corrections of this session."""
    return st.session_state.setdefault(_KEPT, [])


def offer(
    picture: Image.Image, network: Classifier, named: str, key: str, *, framed: bool = False
) -> None:
    """A button that asks what the picture is; nothing if no network could use the answer.

    framed: the visitor has cut the picture to the garment.
    """
    limits = deployment.limits()
    if limits.public and not limits.collecting:
        return
    with st.popover(tr("Correct it"), icon=":material/edit:", key=f"{key}-correct"):
        if limits.collecting:
            st.write(
                tr(
                    "The owner of this page collects corrections to train on. If you go "
                    "on, they get this picture and what you say it is. Nothing else is "
                    "stored, not even a name."
                )
            )
        else:
            st.write(
                tr(
                    "Say what it is. The picture stays in this session; train on it on the "
                    "Your pictures page."
                )
            )
        label = st.selectbox(
            tr("It is"),
            corrections.answers(network.classes, network.checkpoint.card.data.name),
            index=None,
            placeholder=tr("choose a class"),
            format_func=tr,
            key=f"{key}-correct-label",
        )
        st.button(
            tr("Send this picture") if limits.collecting else tr("Keep this correction"),
            type="primary",
            disabled=label is None,
            key=f"{key}-correct-keep",
            on_click=_keep,
            args=(picture, label, named, key, limits.collecting, framed),
        )
        if message := st.session_state.pop(f"{_SAID}-{key}", ""):
            st.caption(formatting.plain(message))
        if not limits.public and of_this_session():
            st.page_link(
                "pages/pictures.py",
                label=tr("Train on corrections ({count})", count=len(of_this_session())),
                icon=":material/model_training:",
                query_params={"from": "Corrections"},
            )


def _keep(
    picture: Image.Image, label: str, named: str, key: str, collecting: bool, framed: bool
) -> None:
    small = picture.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    png = corrections.encoded(small, framed=framed)
    try:
        if collecting:
            corrections.collect(label, png)
        elif len(of_this_session()) >= MOST:
            raise PicturesError(Message("{limit:,} corrections at most can be kept", limit=MOST))
        else:
            of_this_session().append(Correction(label, named, png, small))
    except ValueError as error:
        st.session_state[f"{_SAID}-{key}"] = sentence(error)
        return
    st.session_state[f"{_SAID}-{key}"] = tr("Thank you: kept as {label}.", label=tr(label))
