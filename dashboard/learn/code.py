"""Code that a step shows is the code that it runs."""

import streamlit as st


@st.cache_data(max_entries=200, show_spinner="Running …")
def output_of(code: str) -> str:
    """What our own few lines print. They are made of checked knobs, never of typed text."""
    printed: list[str] = []

    def show(*values: object) -> None:
        printed.append(" ".join(str(value) for value in values))

    exec(compile(code, "<lesson>", "exec"), {"print": show, "__name__": "lesson"})  # noqa: S102
    return "\n".join(printed)


def shown(code: str) -> None:
    """The lines, and below them what they print."""
    # Without colours: those that Streamlit gives to Python stand out too little from the ground.
    st.code(code, language=None, wrap_lines=True)
    printed = output_of(code)
    tall = printed.count("\n") > 14
    st.code(printed, language=None, wrap_lines=True, height=320 if tall else "content")
