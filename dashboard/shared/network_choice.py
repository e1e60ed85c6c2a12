"""Which network, and beside which other one: asked alike on the Classify and Results pages."""

import streamlit as st

_ALONE = "none"


def choose(names: list[str]) -> list[str]:
    """One or two of `names`, as chosen; ends the page with a hint where there are none."""
    if not names:
        st.info("There is no network yet: train one on the Train page.")
        st.stop()
    boxes = st.container(horizontal=True)  # stays side by side on a phone
    first = boxes.selectbox("Network", names, key="network", bind="query-params")
    second = boxes.selectbox("Compare with", [_ALONE, *names], key="second", bind="query-params")
    return [first] if second in (_ALONE, first) else [first, second]
