"""What an address asks of a page: the only place where its parameters are read.

An address can hold anything. A page calls `take` before it draws anything, with what each of its
parameters may be. Whatever is something else is taken off the address, so that neither the page nor
a widget that is bound to the address gets to see it, and the visitor is told.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import Field
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from dashboard.shared import formatting, language
from dashboard.shared.language import tr
from vggcore.model import fields

Reader = Callable[[list[str]], Any]  # of all values that a parameter has; raises ValueError
_LONGEST = 4_096  # characters: a path can be as long
_SHOWN, _MOST_TOLD = 80, 5  # characters of a refused parameter; how many of them are named
_REFUSED = "address-refused"  # in the session


def text(values: list[str]) -> str:
    """One printable text that is not empty."""
    if len(values) != 1 or not values[0].isprintable() or not 0 < len(values[0]) <= _LONGEST:
        raise ValueError
    return values[0]


def number(low: int, high: int) -> Reader:
    """One whole number in this range."""

    def read(values: list[str]) -> int:
        number_ = fields.whole(text(values))
        if not low <= number_ <= high:
            raise ValueError
        return number_

    return read


def numbers(allowed: Container[int]) -> Reader:
    """Several of these numbers, separated by dots."""

    def read(values: list[str]) -> set[int]:
        chosen = {fields.whole(each) for each in text(values).split(".")}
        if not all(each in allowed for each in chosen):
            raise ValueError
        return chosen

    return read


def truth(values: list[str]) -> bool:
    """True or false."""
    return fields.truth(text(values))


def choice(options: Iterable[object]) -> Reader:
    """One of these, or what it is called in another language; in English or as it is."""
    names = [str(option) for option in options]

    def read(values: list[str]) -> str:
        wanted = text(values)
        for name in names:
            if wanted == name or wanted in language.in_all_languages(name):
                return name
        raise ValueError

    return read


def several(options: Iterable[str]) -> Reader:
    """Some of these, each in a value of its own."""
    one = choice(options)
    return lambda values: [one([value]) for value in values]


def of_field(field: Field) -> Reader:
    """What a field of `VGGSpec` or `TrainConfig` may be."""

    def read(values: list[str]) -> Any:
        empty = values == [""] and field.default == ""
        return fields.checked(field, "" if empty else fields.from_text(field, text(values)))

    return read


def take(readers: Mapping[str, Reader], *, tell: bool = True) -> dict[str, Any]:
    """The values that the address has for these parameters, by name.

    Anything else is taken off the address, and the page starts again without it. A short notice
    then says what was refused; or the page says so itself, with `refused`, and asks not to `tell`.
    """
    readers = {language.PARAMETER: choice(language.LANGUAGES), **readers}
    read = {name: value(name, readers.get(name, _nothing)) for name in st.query_params}
    values = {name: each for name, each in read.items() if each is not None}
    if len(values) < len(read):
        _leave_only(values)
    if tell and (untold := refused()):
        text = tr("Ignored in the link: {strange}", strange=formatting.plain(", ".join(untold)))
        st.toast(text, icon=":material/link_off:")
    return values


def refused() -> list[str]:
    """What was taken off the address of the page, as `name=value`; each is told only once."""
    return st.session_state.pop(_REFUSED, [])


def value(name: str, reader: Reader) -> Any:
    """The value of one parameter; None if the address has none, or one that cannot be."""
    try:
        return reader(st.query_params.get_all(name))
    except ValueError:
        return None


def _nothing(values: list[str]) -> None:
    """Reads a parameter that the page does not have."""


def _leave_only(names: Container[str]) -> None:
    values = {name: st.query_params.get_all(name) for name in st.query_params}
    try:
        st.query_params.from_dict({name: values[name] for name in values if name in names})
    except StreamlitAPIException:
        return  # the page is open already, and its widgets keep the values that they have
    strange = [(name, text) for name in values if name not in names for text in values[name]]
    st.session_state[_REFUSED] = [f"{name}={text}"[:_SHOWN] for name, text in strange[:_MOST_TOLD]]
    st.rerun()
