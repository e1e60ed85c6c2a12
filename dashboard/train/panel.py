"""One run on the Train page: its state, its curves, and the actions on it."""

import time
from math import isfinite
from typing import Literal

import pandas as pd
import streamlit as st

from dashboard.shared import copy_link, formatting, links, screen
from dashboard.shared.language import N_, paragraph, sentence, tr
from dashboard.shared.run_metrics import metrics_of
from dashboard.train import actions, charts, corrected, over_epochs, waiting, why
from vggcore import runs
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import TrainConfig
from vggcore.runs import Run, curves, diagnosis, recorded
from vggcore.runs.metrics import MetricsLog

POLL_SECONDS = 1.0
IDLE_SECONDS = 5.0  # between checks of a run that could be resumed
REPLAY_SECONDS = 20.0  # a recorded run replays in this time, however long it was
REFERENCE = "tutorial-published"
_Colour = Literal["gray", "blue", "orange", "green", "red"]
BADGES: dict[str, tuple[_Colour, str]] = {
    N_("queued"): ("gray", ":material/hourglass_top:"),
    N_("starting"): ("blue", ":material/rocket_launch:"),
    N_("running"): ("blue", ":material/directions_run:"),
    N_("stopping"): ("orange", ":material/pending:"),
    N_("stopped"): ("orange", ":material/pause_circle:"),
    N_("finished"): ("green", ":material/check_circle:"),
    N_("failed"): ("red", ":material/error:"),
    N_("crashed"): ("red", ":material/bolt:"),
}


def show(name: str) -> None:
    """The run's screen. It is refreshed every second while the run is living."""
    try:
        run = runs.read_run(name)
    except runs.RunError as error:
        st.error(formatting.plain(sentence(error)))
        return
    alive = run.living or run.locked
    # Another user may resume a run that ended early.
    every = POLL_SECONDS if alive else IDLE_SECONDS if run.resumable else None
    st.fragment(_screen, run_every=every)(name, alive)


def _screen(name: str, was_alive: bool) -> None:
    try:
        run = runs.read_run(name)
    except runs.RunError:
        st.rerun()  # deleted or renamed elsewhere
    if (run.living or run.locked) != was_alive:
        st.rerun()  # start or stop polling
    log = metrics_of(run)
    _heading(run)
    actions.buttons(run)
    steps, epochs = log.steps(), log.epochs()
    _progress(run, steps)
    _key_figures(run, steps, epochs)
    corrected.show(run)
    naming = runs.naming_of(run.path)
    for alert in diagnosis.alerts(epochs, steps, naming):
        st.warning(tr(alert.message), icon=":material/monitoring:")
        if alert.kind == "chance":
            why.show(name, log.diagnostics())
            _remedies(run)
    if len(steps):
        _curves(name, log, on_fashion=on_fashion_mnist(run))
    _details(run, log)
    actions.notes(run)


def _remedies(run: Run) -> None:
    """Remedies for a run that stays at chance, each as a form with that change filled in.

    In order of how often they worked: see `benchmarks/stuck.py`.
    """
    spec, train = run.spec, run.train
    if spec is None or train is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(tr("Try it again"), width="content")
        if not spec.batch_norm:
            links.changed_run(tr("with batch norm"), run, batch_norm=True)
        links.changed_run(tr("at a fifth of the rate"), run, learning_rate=train.learning_rate / 5)
        if train.schedule == "constant":
            links.changed_run(tr("with a warm-up"), run, schedule="one-cycle")
        if train.init != "kaiming":
            links.changed_run(tr("with Kaiming's initial weights"), run, init="kaiming")


def _heading(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(formatting.plain(run.name), anchor=False, width="content")
        badge(run.state)
        if run.on_cluster:
            st.badge(tr("on the cluster"), icon=":material/lan:", color="violet")
        copy_link.button(f"copy-link-{run.name}", run=run.name)
    if run.damage:
        st.error(formatting.plain(tr(run.damage)), icon=":material/broken_image:")
    if run.spec and run.train:
        st.caption(_described(run.spec, run.train, run.preset, str(run.config.get("created", ""))))
    _written(run)
    if run.status.trouble:
        known = tr("This page shows the last known state.")
        line = paragraph(sentence(run.status.trouble), known)
        st.warning(formatting.plain(line), icon=":material/cloud_off:")
    if run.message and not run.living:
        tell = st.error if run.state in ("failed", "crashed") else st.info
        tell(formatting.plain(sentence(run.message)))


def _written(run: Run) -> None:
    """The run's group, its tags, and its note."""
    written = run.notes
    if run.group or written.tags:
        with st.container(horizontal=True, vertical_alignment="center"):
            if run.group:
                st.page_link(
                    "pages/train.py",
                    label=tr("Group {group}", group=formatting.plain(run.group)),
                    icon=":material/stacked_line_chart:",
                    query_params={"group": run.group},
                )
            for tag in written.tags:
                st.badge(formatting.plain(tag), icon=":material/sell:", color="gray")
    if written.note:
        st.markdown(formatting.plain(written.note))


def badge(state: str) -> None:
    colour, icon = BADGES[state]
    st.badge(tr(state), icon=icon, color=colour)


def _described(spec: VGGSpec, train: TrainConfig, preset: str, created: str = "") -> str:
    """Network, recipe and date in a line."""
    parts = [
        spec.name,
        tr("recipe {preset}", preset=preset) if preset else "",
        train.dataset,
        tr("seed {seed}", seed=train.seed),
        formatting.moment(created, st.context.timezone),
    ]
    return formatting.plain(" · ".join(part for part in parts if part))


def _progress(run: Run, steps: pd.DataFrame) -> None:
    status = run.status
    if run.state == "queued":
        st.progress(0.0, text=formatting.plain(what_it_waits_for(run)))
        return
    total, step = status.total_steps, status.step
    if not total:
        if run.living:
            st.progress(
                0.0,
                text=formatting.plain(sentence(run.message) or tr("Starting: loading PyTorch")),
            )
        return
    st.progress(min(1.0, step / total), text=progress_text(run, steps))


def what_it_waits_for(run: Run) -> str:
    """Why a queued run is not training yet: other runs, or the cluster's reason."""
    if run.on_cluster:
        return tr(run.message) or tr("Sent to the cluster")
    if ahead := runs.queue_ahead(run):
        # One of them trains, or more on several devices; the others wait.
        queued = sum(each.state == "queued" for each in runs.list_runs() if each.name in ahead)
        return tr(
            "Number {position} in the queue, {behind}",
            position=queued + 1,
            behind=waiting.behind(ahead),
        )
    return tr("Next in the queue")


def progress_text(run: Run, steps: pd.DataFrame) -> str:
    """ "Step 120 of 645 · epoch 2 of 3 · 12 s elapsed · 30 s left · 6,521 images/s"."""
    status = run.status
    step, total = status.step, status.total_steps
    elapsed = status.seconds or 0.0
    epochs = status.epochs
    parts = [
        tr("Step {step:,} of {total:,}", step=step, total=total),
        tr(
            "epoch {epoch} of {epochs}",
            epoch=min(status.epoch + (run.state != "finished"), epochs),
            epochs=epochs,
        ),
        tr("{elapsed} elapsed", elapsed=formatting.duration(elapsed)),
    ]
    if run.living and (speed := curves.recent_speed(steps)):
        parts.append(tr("about {time} left", time=formatting.duration((total - step) / speed)))
    if run.living and status.images_per_second:
        parts.append(
            tr("{images_per_second:,.0f} images/s", images_per_second=status.images_per_second)
        )
    return " · ".join(parts)


def _key_figures(run: Run, steps: pd.DataFrame, epochs: list[dict]) -> None:
    """The few numbers that people look for first."""
    if not len(steps) and not epochs:
        return
    reached = [row["val_accuracy"] for row in epochs if isfinite(row["val_accuracy"])]
    best = max(reached, default=None)
    tested = run.status.summary.get("test_accuracy")
    card = run.card
    figures = [
        (
            tr("Best validation accuracy"),
            formatting.share(best),
            formatting.measured_on(best, validated_on(epochs)),
        ),
        (
            tr("Test accuracy"),
            formatting.share(tested),
            formatting.measured_on(tested, card.test_images if card else None),
        ),
    ]
    if len(steps):
        last = steps.iloc[-1]
        figures += [
            (tr("Training loss"), f"{last['train_loss']:.3f}", None),
            (tr("Learning rate"), f"{last['learning_rate']:.2g}", None),
            (*_memory(run, steps["memory_bytes"].max()), None),
        ]
    for column, (label, value, beside) in zip(st.columns(len(figures)), figures, strict=True):
        column.metric(label, value, beside, delta_color="off", delta_arrow="off")


def validated_on(epochs: list[dict]) -> int | None:
    """How many validation pictures there are, as far as the epochs' confusion tells."""
    return sum(map(sum, epochs[-1].get("confusion", []))) if epochs else None


def _memory(run: Run, device_bytes: float) -> tuple[str, str]:
    """On a GPU, its memory and the process's memory; on a CPU they are the same."""
    process = runs.process_memory(run) if run.living else None
    device = run.status.device or "cpu"
    if device == "cpu" or process is None:
        return tr("Memory"), formatting.size(device_bytes)
    return (
        tr("Memory: {device} / process", device=device),
        f"{formatting.size(device_bytes)} / {formatting.size(process)}",
    )


def look_controls(key: str, offer_reference: bool = True) -> tuple[charts.Look, bool]:
    """How to draw the curves, and whether to show the tutorial's five points."""
    reference = False
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        x = st.segmented_control(
            tr("Horizontal axis"),
            list(charts.X_AXES),
            default="step",
            required=True,
            format_func=lambda x: tr(charts.X_AXES[x]),
            key=f"{key}-x",
        )
        smoothing = st.slider(
            tr("Smoothing"),
            0.0,
            0.99,
            0.6,
            0.01,
            key=f"{key}-smoothing",
            width=220,
            help=tr("Smooths the training curve; the measured values stay faintly visible"),
        )
        log_scale = st.toggle(tr("Logarithmic loss"), key=f"{key}-log")
        if offer_reference:
            reference = st.toggle(
                tr("Tutorial's published run"), value=True, key=f"{key}-reference"
            )
    return charts.Look(x=x or "step", log=log_scale, smoothing=smoothing), reference


def tutorial() -> charts.Curves:
    """The tutorial's published points, as curves to compare with."""
    return charts.Curves.of(tr("Tutorial (test)"), recorded.load(REFERENCE))


def on_fashion_mnist(run: Run) -> bool:
    """Whether a run's curves can be compared with the tutorial's."""
    return run.train is not None and run.train.dataset == "fashion-mnist"


def _curves(name: str, log, on_fashion: bool) -> None:
    """Loss and accuracy side by side, then learning rate, speed and memory."""
    look, with_reference = look_controls(
        f"look-{name}", offer_reference=on_fashion and name != REFERENCE
    )
    curves, reference = charts.Curves.of(name, log), tutorial() if with_reference else None
    measured = [metric for metric in ("loss", "accuracy", "top5") if curves.has(metric)]
    for column, metric in zip(st.columns(len(measured)), measured, strict=True):
        figure = charts.one_run(curves, metric, look, reference)
        column.plotly_chart(figure, key=f"chart-{name}-{metric}")
    if not len(curves.steps):
        return
    small = [
        ("learning_rate", tr("learning rate"), 1.0),
        ("images_per_second", tr("images per second"), 1.0),
        ("memory_bytes", tr("memory (MB)"), 1e-6),
    ]
    on_gpu = [
        ("gpu_busy", tr("GPU in use (%)"), 1.0),
        ("gpu_memory_bytes", tr("GPU memory in use by all (MB)"), 1e-6),
    ]
    small += [row for row in on_gpu if row[0] in curves.steps]
    label = tr("Learning rate, speed and memory")
    more = screen.expander(f"more-{name}", label, ":material/speed:")
    if more.open:
        columns = [column for _ in range(0, len(small), 3) for column in more.columns(3)]
        for column, (field, title, scale) in zip(columns, small, strict=False):
            figure = charts.one_line(curves.steps, field, title, look, scale)
            column.plotly_chart(figure, key=f"chart-{name}-{field}")


def _details(run: Run, log: MetricsLog) -> None:
    """Confusion, remarks, files, log: below the curves, for those who open them."""
    over_epochs.show(run.name, log.epochs(), run.path, runs.naming_of(run.path).classes)
    for event in log.events():
        st.caption(
            formatting.plain(
                tr(
                    "Step {step:,}: {what}",
                    step=event.get("step", 0),
                    what=tr(event.get("message", "")),
                )
            )
        )
    if run.has_best or log.epochs():
        actions.downloads(run, log)
    if log.left_out:
        st.caption(
            tr(
                "Rows of metrics.jsonl that cannot be read, and are left out: {count:,}.",
                count=log.left_out,
            )
        )
    ended_badly = run.state in ("failed", "crashed")
    key = f"log-{run.name}-{ended_badly}"  # it opens when a run fails
    log_text = screen.expander(key, tr("Log"), ":material/terminal:", expanded=ended_badly)
    if log_text.open:
        text = runs.log_tail(run)
        long = text.count("\n") > 10
        log_text.code(
            text or tr("Nothing was written to the log."),
            language=None,
            height=260 if long else "content",
        )


def show_recording(name: str) -> None:
    """A recorded run's screen, with a replay of its training."""
    try:
        recording = recorded.load(name)
    except runs.RunError as error:
        st.error(formatting.plain(sentence(error)))
        return
    playing = f"replay-{name}" in st.session_state
    st.fragment(_recorded_screen, run_every=0.5 if playing else None)(recording)


def _recorded_screen(recording: recorded.Recording) -> None:
    key = f"replay-{recording.name}"
    visible = recording
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(formatting.plain(tr(recording.title)), anchor=False, width="content")
        st.badge(tr(recording.label), icon=":material/history:", color="violet")
    st.caption(_described(recording.spec, recording.train, recording.preset))
    if recording.note:
        st.info(formatting.plain(tr(recording.note)))
    if st.button(tr("Replay"), icon=":material/replay:", key=f"{key}-button"):
        st.session_state[key] = time.monotonic()
        st.rerun()
    if key in st.session_state:
        share = (time.monotonic() - st.session_state[key]) / REPLAY_SECONDS
        if share >= 1:
            del st.session_state[key]
            st.rerun()
        visible = recording.until(share * recording.seconds)
        at = formatting.duration(share * recording.seconds)
        st.progress(
            share,
            text=tr(
                "Replay: {at} of {seconds}", at=at, seconds=formatting.duration(recording.seconds)
            ),
        )
    if visible.epochs() or len(visible.steps()):
        _curves(recording.name, visible, on_fashion=True)
        over_epochs.show(recording.name, visible.epochs())
