"""The visitor's language: English, or 简体中文 from `dashboard/locales`.

Texts are written in English and marked: `tr("…")` where a page runs, `N_("…")` for a constant made
before a visitor's language is known, which is passed to `tr` when it is shown. Both are collected
by `python docs/translate.py`.
"""

import gettext
import json
import re
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitAPIException

from vggcore.machine.messages import Message

LOCALES = Path(__file__).resolve().parents[1] / "locales"


@dataclass(frozen=True)
class Language:
    """What a language needs besides its translations."""

    name: str  # in that language
    catalog: str = ""  # its folder in LOCALES; English needs none
    full_stop: str = "."
    comma: str = ", "
    colon: str = ": "
    between: str = " "  # sentences
    powers: dict[str, float] = field(default_factory=lambda: {"million": 1e6})


LANGUAGES = {  # by the value of ?lang=
    "en": Language("English"),
    "zh": Language(
        "中文",
        "zh_CN",
        full_stop="。",
        comma="，",
        colon="：",
        between="",
        powers={"亿": 1e8, "万": 1e4},
    ),
}
PARAMETER = "lang"
_CHOSEN = "language"  # in the session
_KEYS = "language-keys"  # widgets whose choice stays when the language changes
_KEPT = "language-kept"  # their choices, until a page has run to its end
_KEPT_SECONDS = 10.0  # at most: a page that stops itself does not get there
# The header cannot hold our widgets: the button lies on top of it, left of Streamlit's own menu.
_IN_HEADER = """<style>
.st-key-language { position: fixed; top: .82rem; right: 3.6rem; width: auto !important;
  z-index: 999991; }
div:has(> .st-key-language) { position: absolute; }
.st-key-language button { min-height: 2rem; padding: 0 .5rem; }
/* Streamlit's menu of a narrow screen lies over the page, and its close button here. */
@media (max-width: 640px) { .st-key-language { right: 1rem; } }
body:has([data-testid="stSidebarCollapseButton"]) .st-key-language { visibility: hidden; }
/* Where the pages' names fill the header, below it. */
@media (min-width: 640px) and (max-width: 940px) {
  .st-key-language { top: 3.6rem; right: 1rem; }
}
</style>"""
# Streamlit's own words, which no option changes: the hint below a field that is being edited
# (beside it a count, if there is a limit), and those of the uploader and the camera.
_HINTS = """<style>
[data-testid="InputInstructions"] > span:first-child {
  font-size: 0;
  &::after { font-size: .75rem; content: var(--hint); }
}
:is([data-testid="stTextInput"], [data-testid="stNumberInput"]) { --hint: %s; }
[data-testid="stTextArea"] { --hint: %s; }
[data-testid="stForm"] [data-testid="stTextInput"] { --hint: %s; }
[data-testid="stForm"] [data-testid="stTextArea"] { --hint: %s; }
:is([data-testid="stFileUploaderDropzone"] button p, [data-testid="stCameraInputButton"],
    [data-testid="stFileUploaderDropzoneInstructions"] span) {
  font-size: 0;
  &::after { font-size: 1rem; content: %s; }
}
[data-testid="stFileUploaderDropzoneInstructions"] span::after {
  font-size: .875rem !important; content: %s !important;
}
[data-testid="stCameraInputButton"]::after { content: %s !important; }
[data-testid="stCameraInput"]:has(img) [data-testid="stCameraInputButton"]::after {
  content: %s !important;
}
</style>"""
_forced: ContextVar[str] = ContextVar("forced", default="")


def N_(message: str) -> str:
    """Marks a text for translation, and returns it unchanged."""
    return message


def tr(message: object, /, **values: object) -> str:
    """`message` in the visitor's language, with `values` filled into its braces.

    message: a marked text; a `Message`, or an error with one, whose own values are filled in.
    Anything else is returned as its English text.
    """
    if isinstance(message, BaseException):
        pattern = message.args[0] if message.args else ""
        message = pattern if isinstance(pattern, Message) else str(message)
    catalog = _catalog(current())
    if isinstance(message, Message):
        return _filled(catalog, message.template, message.values)
    text = str(message)
    if not values:
        return catalog.gettext(text) if text else ""
    return _filled(catalog, text, values)


def listed(parts: Iterable[str]) -> str:
    """ "one, two, three", with the language's own comma."""
    return LANGUAGES[current()].comma.join(parts)


def paragraph(*sentences: str) -> str:
    """Translated sentences, one after another."""
    return LANGUAGES[current()].between.join(sentences)


def sentence(error: BaseException | str) -> str:
    """`tr(error)` to stand alone: with a capital at its start and a full stop at its end.

    error: an error, or a text that was written like one; "" stays empty. Errors are written to
    follow a name or a colon, as the command line shows them. A start that is not a plain English
    word is left as it is: a file's name, or a setting such as in_channels.
    """
    whole = tr(error)
    text: object = error if isinstance(error, str) else (error.args or ("",))[0]
    if not whole or (text is not error and not isinstance(text, Message)):
        return whole
    template = text.template if isinstance(text, Message) else str(text)
    if re.match(r"[a-z]+[ ,;]", whole) and whole[0] == template[0]:
        whole = whole[0].upper() + whole[1:]
    if whole[-1].isalnum() or whole[-1] in "'`\")]”’）":
        whole += LANGUAGES[current()].full_stop
    return whole


def _filled(catalog: gettext.NullTranslations, template: str, values: dict) -> str:
    text = catalog.gettext(template) if template else ""
    if not values:  # may be any text, with braces that mean nothing
        return text
    filled = {
        name: tr(value) if isinstance(value, Message | BaseException) else value
        for name, value in values.items()
    }
    return text.format(**filled)


def from_address(
    key: str, options: Iterable[str], label_of: Callable[[str], str] | None = None
) -> None:
    """Lets a link choose an option by its English name, or by its name in any language.

    The choice then stays when the language changes.

    Call it before the widget with that key, which is bound to the address: the widget knows its
    options only by the texts that it shows (`label_of`, or else `tr` of them).
    """
    st.session_state.setdefault(_KEYS, set()).add(key)
    options = list(options)
    stored = _stored()
    if stored.get(key) in options:
        st.session_state[key] = stored[key]
        return
    requested = st.query_params.get(key)
    if not requested:
        return
    for option in options:
        if requested in {option} | in_all_languages(option, label_of):
            st.session_state.setdefault(key, option)
            _name_in_address(key, (label_of or tr)(option))


def tab_labels(key: str, names: Iterable[str]) -> list[str]:
    """Labels of tabs; keeps open the tab named by a link or by the page in the other language."""
    names = list(names)
    labels = [tr(name) for name in names]
    st.session_state.setdefault(_KEYS, set()).add(key)
    named = _stored().get(key) or st.session_state.get(key) or st.query_params.get(key)
    for name, label in zip(names, labels, strict=True):
        if st.session_state.get(key) != label and named in in_all_languages(name):
            st.session_state[key] = label
            _name_in_address(key, label)
    return labels


def _name_in_address(key: str, label: str) -> None:
    """Names the option in the address as its widget does.

    A widget takes a name that it does not know off the address.
    """
    if st.query_params.get(key, label) == label:
        return
    with suppress(StreamlitAPIException):  # the page is open already: its widgets write to it
        st.query_params[key] = label
        st.rerun()


def in_all_languages(text: str, label_of: Callable[[str], str] | None = None) -> set[str]:
    """The result of `label_of`, or else `tr`, in each language."""
    names = set()
    for language in LANGUAGES:
        token = _forced.set(language)
        names.add((label_of or tr)(text))
        _forced.reset(token)
    return names


def current() -> str:
    """A key of LANGUAGES: from the address, an earlier choice, or the browser's preference."""
    if forced := _forced.get():
        return forced
    requested = st.query_params.get(PARAMETER)
    if requested in LANGUAGES:
        st.session_state[_CHOSEN] = requested
    chosen = st.session_state.get(_CHOSEN)
    if chosen in LANGUAGES:
        return chosen
    preferred = (st.context.locale or "").lower()
    return next((name for name in LANGUAGES if preferred.startswith(name)), "en")


def with_limit(label: str, megabytes: int) -> str:
    """An uploader's label, with its limit where the uploader's own words are replaced."""
    if not LANGUAGES[current()].catalog:
        return label
    return tr("{label} (at most {count} MB each)", label=label, count=megabytes)


def switch() -> None:
    """The button in the header that shows the page in another language; a menu, if of several."""
    own = LANGUAGES[current()]
    others = {key: language for key, language in LANGUAGES.items() if language != own}
    st.html(_IN_HEADER)
    if own.catalog:
        hints = (
            tr("Press Enter to apply"),
            tr("Press Ctrl+Enter to apply"),
            tr("Press Enter to submit"),
            tr("Press Ctrl+Enter to submit"),
            tr("Choose files"),
            tr("or drop them here"),
            tr("Take a photo"),
            tr("Clear the photo"),
        )
        # As CSS reads it: letters as they are, not as \\u and their number.
        st.html(_HINTS % tuple(json.dumps(hint, ensure_ascii=False) for hint in hints))
    icon = ":material/translate:"
    with st.container(key="language"):
        several = len(others) > 1
        with st.popover(own.name, type="tertiary", icon=icon) if several else nullcontext():
            for key, language in others.items():
                st.button(
                    language.name,
                    key=f"switch-language-{key}",
                    type="tertiary",
                    icon=None if several else icon,
                    on_click=_choose,
                    args=(key,),
                )


def _stored() -> dict:
    until, values = st.session_state.get(_KEPT, (0.0, {}))
    return values if time.monotonic() < until else {}


def forget_kept() -> None:
    """Call it when a page has run to its end: its widgets then hold their earlier choices."""
    st.session_state.pop(_KEPT, None)


def _choose(language: str) -> None:
    # In the other language each widget is new to Streamlit, and takes over the earlier choice only
    # when its page runs to the end: a second change before that must not lose it.
    keys = [key for key in st.session_state.get(_KEYS, ()) if key in st.session_state]
    chosen = {key: st.session_state[key] for key in keys}
    st.session_state[_KEPT] = (time.monotonic() + _KEPT_SECONDS, chosen | _stored())
    # The address keeps the choice across a reload, and passes it on with the link.
    st.session_state[_CHOSEN] = st.query_params[PARAMETER] = language


@cache
def _catalog(language: str) -> gettext.NullTranslations:
    if not (folder := LANGUAGES[language].catalog):
        return gettext.NullTranslations()
    return gettext.translation("dashboard", LOCALES, [folder])


def go_on_with(parameters: dict[str, str]) -> None:
    """Replaces all parameters in the address except the language with these."""
    kept_parameters = {key: st.query_params[key] for key in (PARAMETER,) if key in st.query_params}
    st.query_params.from_dict(parameters | kept_parameters)
