"""Which network, and beside which other one: asked alike on the Classify and Results pages."""

import streamlit as st

from dashboard.shared.language import N_, tr

_ALONE = N_("none")
_FOR_PEOPLE = {"wild": N_("Photos and drawings"), "fashion-mnist": "Fashion-MNIST"}  # shipped ones


def shown(name: str) -> str:
    """What people read for a network: runs by their names, shipped ones by what they are for."""
    if name == _ALONE:
        return tr(_ALONE)
    return tr(_FOR_PEOPLE[name]) if name in _FOR_PEOPLE else name


def choose(names: list[str]) -> list[str]:
    """One or two of `names`, as chosen; ends the page with a hint where there are none."""
    if not names:
        st.info(tr("There is no network yet: train one on the Train page."))
        st.stop()
    for key in ("network", "second"):  # links that were made with names of the command line
        if (asked := st.query_params.get(key)) in _FOR_PEOPLE and asked in names:
            st.session_state.setdefault(key, asked)
    boxes = st.container(horizontal=True)  # stays side by side on a phone
    first = boxes.selectbox(
        tr("Network"), names, format_func=shown, key="network", bind="query-params"
    )
    second = boxes.selectbox(
        tr("Compare with"), [_ALONE, *names], format_func=shown, key="second", bind="query-params"
    )
    return [first] if second in (_ALONE, first) else [first, second]
