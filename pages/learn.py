"""Learn: from small kernels to a trained network, in seven steps with code that runs."""

import streamlit as st

from dashboard.learn.steps import STEPS, Question
from dashboard.shared.internals import through_entry_point

_DONE = "done"  # numbers of the steps whose questions were answered, in the address


def done() -> set[int]:
    """Steps answered rightly, as the address says; what is no step counts as nothing."""
    numbers = st.query_params.get(_DONE, "").split(".")
    return {int(n) for n in numbers if n.isdecimal() and 1 <= int(n[:3]) <= len(STEPS)}


def ask(question: Question, number: int) -> None:
    """The step's question. A right answer is kept in the address."""
    st.markdown(f"**Question.** {question.text}")
    key = f"learn-answer-{number}"
    given: int | str | None
    if question.choices:
        given = st.radio(
            "Your answer", question.choices, index=None, key=key, horizontal=True,
            label_visibility="collapsed",
        )  # fmt: skip
    else:
        given = st.number_input(
            "Your answer", value=None, step=1, key=key, width=220, placeholder="a whole number",
            label_visibility="collapsed",
        )  # fmt: skip
    if given is None:
        return
    if given == question.answer:
        st.success(f"Right. {question.why}", icon=":material/check_circle:")
        if number not in done():
            st.query_params[_DONE] = ".".join(map(str, sorted(done() | {number})))
    else:
        st.info(f"Not yet. {question.hint}", icon=":material/lightbulb:")


def go_to(name: str) -> None:
    st.session_state["step"] = name


through_entry_point()
st.title("Learn", anchor=False)
st.write("How VGG works, in seven steps. Turn the knobs: the code runs with them, right here.")
names = list(STEPS)
step = st.segmented_control(
    "Step",
    names,
    default=names[0],
    required=True,
    key="step",
    bind="query-params",
    label_visibility="collapsed",
)
number = names.index(step) + 1
st.progress(len(done()) / len(STEPS), text=f"{len(done())} of {len(STEPS)} questions answered")
st.subheader(step[2:], anchor=False)
question = STEPS[step]()
with st.container(border=True):
    ask(question, number)
with st.container(horizontal=True):
    if number > 1:
        back = names[number - 2]
        st.button("Back", icon=":material/arrow_back:", on_click=go_to, args=(back,))
    if number < len(names):
        onward = names[number]
        st.button(
            f"Next: {onward[2:]}", icon=":material/arrow_forward:", on_click=go_to, args=(onward,)
        )
