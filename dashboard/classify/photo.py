"""A photo beside the answer for the garment in it that the visitor means."""

import hashlib
from html import escape
from typing import NamedTuple

import streamlit as st
from PIL import Image, ImageOps

from dashboard.classify import panel
from dashboard.classify.canvas import framing, sent_box
from dashboard.shared import language
from dashboard.shared.language import N_, tr
from dashboard.shared.thumbnails import strip
from vggcore.answers.classifier import Classifier, Prediction
from vggcore.machine.messages import Message
from vggcore.pictures import objects
from vggcore.pictures.crops import Box, parts_of_a_person

WHOLE = N_("Whole picture")
_BOX, _OFFERS = "-box", "-offers"  # after a picture's key, in the session
_SMALL = 96  # side of an offered part, CSS pixels
_CLEARER = 0.3  # by which a part's probability exceeds the whole picture's, to be worth offering


class Offer(NamedTuple):
    """One part of a photo, and the network's answer for it."""

    name: str
    box: str  # "x,y,width,height", or "" for the whole
    picture: Image.Image  # small, square
    answer: str


def keys_of(place: str, pictures: list[bytes]) -> list[str]:
    """A key for each picture now shown at a place of the page; forgets what others had there.

    A picture's box belongs to that picture: not to the next one that is shown in its place.
    """
    keys: list[str] = []
    for data in pictures:
        key = f"{place}-{hashlib.sha256(data).hexdigest()[:12]}"
        keys.append(f"{key}-{sum(other.startswith(key) for other in keys)}")
    for name in list(st.session_state):
        own = str(name).removesuffix(_BOX).removesuffix(_OFFERS)
        if own != name and own.startswith(f"{place}-") and own not in keys:
            del st.session_state[name]
    return keys


def card(picture: Image.Image, networks: dict[str, Classifier], caption: str, key: str) -> None:
    """The photo with the visitor's box, the parts worth asking about, and the answer."""
    box = st.session_state.get(_box_key(key), "")
    try:
        framed = Box.parse(box).of(picture) if box else picture
    except ValueError:  # a forged one
        box, framed = "", picture
    offers = offered(picture, next(iter(networks.values())), key)
    picture_side, answer_side = st.columns([1, 2], gap="large")
    with picture_side:
        st.html(f'<div style="font-size:.85rem;overflow-wrap:anywhere">{escape(caption)}</div>')
        framing(f"{key}-framing", picture, box, lambda: _take_box(key))
    with answer_side:
        if offers:
            _offer_parts(offers, box, key)
        elif box:
            st.caption(tr("This answer is for your box."))
        panel.show(framed, networks, key, framed=bool(box))


def offered(picture: Image.Image, network: Classifier, key: str) -> list[Offer]:
    """The parts of a photo that shows several garments, and the whole photo.

    They are a person's upper body, legs and shoes, or separate things. Kept for the session, so
    that a new box does not classify them again.
    """
    digest = hashlib.sha256(picture.tobytes()).hexdigest() + network.checkpoint.card.sha256
    digest += language.current()
    stored = st.session_state.get(f"{key}{_OFFERS}")
    if stored and stored[0] == digest:
        return stored[1]
    offers: list[Offer] = []
    if parts := parts_of_a_person(picture) or _things(picture):
        pictures = {name: box.of(picture) for name, box in parts.items()}
        whole = network.classify(picture)
        answers = {name: network.classify(part, framed=True) for name, part in pictures.items()}
        if _worth_offering(whole, list(answers.values())):
            offers = [_offer(WHOLE, "", picture, whole)]
            for name, box in parts.items():
                offers.append(_offer(name, ",".join(map(str, box)), pictures[name], answers[name]))
    st.session_state[f"{key}{_OFFERS}"] = (digest, offers)
    return offers


def _worth_offering(whole: Prediction, parts: list[Prediction]) -> bool:
    """Whether there are several garments, or a part shows the one much better than the whole."""
    sure = [answer for answer in (whole, *parts) if not answer.unsure]
    clearer = any(answer.probability > whole.probability + _CLEARER for answer in sure)
    return clearer or len({answer.label for answer in sure}) > 1


def _offer(name: str, box: str, part: Image.Image, answer: Prediction) -> Offer:
    small = ImageOps.pad(part.convert("RGBA"), (2 * _SMALL,) * 2, color=(0, 0, 0, 0))
    return Offer(name, box, small, panel.in_short(answer))


def _things(picture: Image.Image) -> dict[str, Box]:
    """Separate things in the picture, by their position."""
    boxes = objects.find(picture).several
    if len(boxes) == 2:
        first, second = boxes
        beside = second.left >= first.left + first.width or first.left >= second.left + second.width
        names = (N_("Left"), N_("Right")) if beside else (N_("Top"), N_("Bottom"))
        ordered = sorted(boxes, key=lambda box: box.left if beside else box.top)
        return dict(zip(names, ordered, strict=True))
    return {Message("Thing {number}", number=n): box for n, box in enumerate(boxes, start=1)}


def _offer_parts(offers: list[Offer], box: str, key: str) -> None:
    chosen = next((offer.name for offer in offers if offer.box == box), N_("your box"))
    st.markdown(tr("**Which garment do you mean?**"))
    row = st.container(horizontal=True, gap="small")
    for offer in offers:
        with row.container(width=_SMALL + 32):
            st.html(strip([(offer.answer, offer.picture)], side=_SMALL))
            st.button(
                tr(offer.name),
                key=f"{key}-part-{offer.name}",
                on_click=_choose,
                args=(key, offer.box),
                type="primary" if offer.name == chosen else "secondary",
                width="stretch",
            )
    st.caption(tr("This answer is for: {chosen}.", chosen=tr(chosen).lower()))


def _box_key(key: str) -> str:
    return f"{key}{_BOX}"


def _choose(key: str, box: str) -> None:
    st.session_state[_box_key(key)] = box


def _take_box(key: str) -> None:
    st.session_state[_box_key(key)] = sent_box(f"{key}-framing")
