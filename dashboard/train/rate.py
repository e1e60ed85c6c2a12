"""Finding a learning rate on the Train page: a sweep in its own process, drawn and offered."""

import json
import subprocess
import sys

import plotly.graph_objects as go
import streamlit as st

from dashboard.shared import formatting, palette
from dashboard.shared.language import sentence, tr
from vggcore.commands import recipe_options
from vggcore.machine import paths
from vggcore.machine.messages import Message, restored
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import TrainConfig
from vggcore.training.find_rate import Sweep

_FOUND = "train-sweep"  # (command, sweep or error) of the last sweep
_PATIENCE = 180.0  # seconds: the sweep takes at most a minute, plus reading the data


def offer(preset: str, spec: VGGSpec, train: TrainConfig) -> None:
    """A button that sweeps the form's recipe, and the result of its last sweep."""
    command = recipe_options.command_line(preset, spec, train)
    if st.button(
        tr("Find a learning rate"),
        key="train-find-rate",
        icon=":material/troubleshoot:",
        help=tr(
            "For at most a minute, tries rates from tiny to far too large, and suggests "
            "one. Nothing is saved."
        ),
    ):
        with st.spinner(tr("Sweeping the learning rate …")):
            st.session_state[_FOUND] = (_without_rate(command), _swept(command))
    known, sweep = st.session_state.get(_FOUND, ([], None))
    if sweep is None or known != _without_rate(command):
        return
    if isinstance(sweep, str):
        st.error(formatting.plain(sentence(sweep)))
        return
    st.plotly_chart(_chart(sweep), key="train-sweep-chart", alt=tr("Loss against learning rate"))
    st.caption(formatting.plain(sentence(sweep.summary())))
    if sweep.suggested is not None:
        rate = float(f"{sweep.suggested:.2g}")
        st.button(
            tr("Use {rate:g}", rate=rate),
            key="train-use-rate",
            icon=":material/check:",
            on_click=st.session_state.__setitem__,
            args=(f"train-{preset}-learning_rate", rate),
        )


def _without_rate(command: list[str]) -> list[str]:
    """What a sweep depends on: everything but the learning rate itself."""
    if "--learning-rate" not in command:
        return command
    at = command.index("--learning-rate")
    return command[:at] + command[at + 2 :]


def _swept(command: list[str]) -> Sweep | Message:
    """The sweep, or one line that says why there is none."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "vggcore", "train", "--find-rate", "--json", *command],
            cwd=paths.PROJECT,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        values = json.loads(done.stdout.splitlines()[-1]) if done.stdout else None
    except subprocess.TimeoutExpired:
        return Message(
            "the sweep took longer than {seconds:.0f} s: choose a smaller network or image",
            seconds=_PATIENCE,
        )
    except (OSError, ValueError) as error:
        return Message("the sweep could not be made: {error}", error=error)
    if not values:
        last = done.stderr.strip().splitlines()[-1:] or [Message("the process ended unexpectedly")]
        return Message("the sweep could not be made: {error}", error=last[0])
    if "error" in values:
        why = restored(values, "error")["error"]
        return Message("the sweep could not be made: {error}", error=why)
    return Sweep(**values | {key: tuple(values[key]) for key in ("rates", "losses")})


def _chart(sweep: Sweep) -> go.Figure:
    figure = go.Figure()
    figure.add_scatter(
        x=sweep.rates,
        y=sweep.losses,
        mode="lines",
        line=dict(color=palette.FIRST, width=2),
        hovertemplate=tr("rate %{x:.2g}, loss %{y:.3f}") + "<extra></extra>",
    )
    if sweep.suggested is not None:
        figure.add_vrect(
            x0=sweep.lowest, x1=sweep.highest, fillcolor=palette.FIRST, opacity=0.12, line_width=0
        )
        figure.add_vline(x=sweep.suggested, line=dict(color=palette.SECOND, width=2, dash="dot"))
    figure.update_xaxes(type="log", title=tr("learning rate"), exponentformat="power")
    figure.update_yaxes(title=tr("loss"))
    return figure.update_layout(height=240, margin=dict(l=0, r=10, t=10, b=0), showlegend=False)
