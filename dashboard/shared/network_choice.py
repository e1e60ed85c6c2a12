"""Which network, and which one to compare it with: the same on the Classify and Results pages."""

import streamlit as st

from dashboard.shared import language
from dashboard.shared.language import N_, tr

_NEXT = "network-next"  # in the session
_ALONE = N_("none")
_FOR_PEOPLE = {"wild": N_("Photos and drawings"), "fashion-mnist": "Fashion-MNIST"}  # shipped


def label_of(name: str) -> str:
    """How a network is shown: runs by their names, shipped ones by what they are for."""
    if name == _ALONE:
        return tr(_ALONE)
    return tr(_FOR_PEOPLE[name]) if name in _FOR_PEOPLE else name


def _settle(key: str, options: list[str]) -> None:
    """A choice that was shown in the other language is still the same choice."""
    chosen = st.session_state.get(key)
    if chosen is None or chosen in options:
        return
    same = (each for each in options if chosen in language.in_all_languages(each, label_of))
    if (match := next(same, None)) is not None:
        st.session_state[key] = match
    else:
        del st.session_state[key]


def choose_next(name: str) -> None:
    """Have the page that is shown next choose this network.

    The address of a page that has bound "network" to its own choice cannot say so.
    """
    st.session_state[_NEXT] = name


def choose(names: list[str]) -> list[str]:
    """One or two of `names`, as chosen; ends the page with a hint if there are none."""
    if not names:
        st.info(tr("There is no network yet: train one on the Train page."))
        st.stop()
    if (requested := st.session_state.pop(_NEXT, None)) in names:
        st.session_state["network"] = requested
    for key, options in (("network", names), ("second", [_ALONE, *names])):
        # Links name networks as the command line does, or as a page in either language shows them.
        language.from_address(key, options, label_of)
        _settle(key, options)
    boxes = st.container(horizontal=True)  # stays side by side on a phone
    first = boxes.selectbox(
        tr("Network"), names, format_func=label_of, key="network", bind="query-params"
    )
    second = boxes.selectbox(
        tr("Compare with"),
        [_ALONE, *names],
        format_func=label_of,
        key="second",
        bind="query-params",
    )
    return [first] if second in (_ALONE, first) else [first, second]
