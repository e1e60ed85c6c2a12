"""Learn: from small kernels to a trained network, in seven steps with code that runs."""

import streamlit as st

from dashboard.learn.steps import PARAMETERS, STEPS, Question
from dashboard.shared import address, language
from dashboard.shared.internals import scroll_to_top, through_entry_point
from dashboard.shared.language import tr

_DONE = "done"  # numbers of the answered steps, in the address
_MOVED = "learn-moved"  # moved to another step, to be shown from its top


def ask(question: Question, number: int, done: set[int]) -> None:
    """The step's question. A right answer is kept in the address."""
    st.markdown(tr("**Question.** {text}", text=question.text))
    key = f"learn-answer-{number}"
    given: int | str | None
    if question.choices:
        given = st.radio(
            tr("Your answer"),
            question.choices,
            index=None,
            format_func=tr,
            key=key,
            horizontal=True,
            label_visibility="collapsed",
        )
    else:
        given = st.number_input(
            tr("Your answer"),
            value=None,
            step=1,
            key=key,
            width=220,
            placeholder=tr("a whole number"),
            label_visibility="collapsed",
        )
    if given is None:
        return
    if given == question.answer:
        st.success(tr("Right. {why}", why=question.why), icon=":material/check_circle:")
        if number not in done:
            st.query_params[_DONE] = ".".join(map(str, sorted(done | {number})))
            st.rerun()  # to count it in the progress above
    else:
        st.info(tr("Not yet. {hint}", hint=question.hint), icon=":material/lightbulb:")


def go_to(name: str) -> None:
    st.session_state["step"] = name
    st.session_state[_MOVED] = True


through_entry_point()
done = address.take(PARAMETERS).get(_DONE, set())
st.title(tr("Learn"), anchor=False)
st.write(
    tr(
        "How VGG works, in seven steps. Move the controls: the code "
        "runs with your values, right here. “The tutorial” is section 5.7 of the book Dive into "
        "Deep Learning in its PyTorch edition: VGG-11 with an eighth of its channels, five epochs "
        "on Fashion-MNIST at 224 pixels."
    )
)
names = list(STEPS)


def numbered(name: str) -> str:
    """The step's number, and its name in the visitor's language."""
    return f"{name[:2]}{tr(name[2:])}"


language.from_address("step", names, numbered)
step = st.segmented_control(
    tr("Step"),
    names,
    format_func=numbered,
    default=names[0],
    required=True,
    key="step",
    bind="query-params",
    label_visibility="collapsed",
)
number = names.index(step) + 1
st.progress(
    len(done) / len(STEPS),
    text=tr("{answered} of {all} questions answered", answered=len(done), all=len(STEPS)),
)
st.subheader(tr(step[2:]), anchor=False)
question = STEPS[step]()
with st.container(border=True):
    ask(question, number, done)
with st.container(horizontal=True):
    if number > 1:
        back = names[number - 2]
        st.button(
            tr("Back"),
            key="learn-back",
            icon=":material/arrow_back:",
            on_click=go_to,
            args=(back,),
        )
    if number < len(names):
        onward = names[number]
        st.button(
            tr("Next: {step}", step=tr(onward[2:])),
            key="learn-next",
            icon=":material/arrow_forward:",
            on_click=go_to,
            args=(onward,),
        )
if st.session_state.pop(_MOVED, False):
    scroll_to_top()
