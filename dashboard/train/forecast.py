"""What a run needs, before it starts: device, time, memory, disk, and whether they suffice."""

import streamlit as st

from dashboard.shared import formatting
from dashboard.shared.language import tr
from dashboard.train import controls, waiting
from dashboard.train.planned_run import PlannedRun
from vggcore import runs
from vggcore.machine import gpus, hardware, paths
from vggcore.machine import memory as machine
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import TrainConfig
from vggcore.training import cost


def show(planned: PlannedRun) -> None:
    """What the run needs on this machine: device, time, memory, disk; warns if it won't fit."""
    if planned.on_cluster:
        _forecast_on_cluster(planned)
        return
    device = hardware.device_choices(planned.train.device)[0]
    if planned.seeds > 1:
        st.caption(tr("{seeds} runs, one after the other. Each:", seeds=planned.seeds))
    needs = cost.estimate(planned.spec, planned.train)
    memory, disk = _free_memory(device), machine.free_disk(paths.runs_dir())
    rows = [
        (
            tr("Device"),
            formatting.plain(planned.train.device if planned.processes > 1 else device),
        ),
        (tr("Time"), _about(needs, planned)),
        (tr("Memory"), _of_free(needs.memory_bytes, memory)),
        (tr("Disk"), _of_free(needs.disk_bytes, disk)),
    ]
    st.caption(
        "  \n".join(tr("{what}: **{text}**", what=what, text=text) for what, text in rows),
        help=formatting.basis(needs.basis),
    )
    for what, needed, free in (
        (tr("memory"), needs.memory_bytes, memory),
        (tr("disk space"), needs.disk_bytes + runs.MIN_FREE_BYTES, disk),
    ):
        if free is not None and needed > free:
            st.warning(
                tr(
                    "This needs about {needed} of {what}; {free} are free. Try a smaller width, "
                    "image or batch.",
                    needed=formatting.size(needed),
                    what=what,
                    free=formatting.size(free),
                ),
                icon=":material/warning:",
            )
            if needed is needs.memory_bytes:
                offer_largest_batch(
                    planned.preset, planned.spec, planned.train, "train-fitting-batch"
                )
    _about_gpus(planned.train.device, needs.memory_bytes)
    ahead = runs.ahead_of_new(planned.train.device, planned.processes)
    if ahead:
        st.caption(
            tr(
                "Other runs train first on the same device: this one comes {behind}.",
                behind=formatting.plain(waiting.behind(ahead)),
            )
        )


def _forecast_on_cluster(planned: PlannedRun) -> None:
    """What the run asks the cluster for; its speed there has not been measured."""
    from vggcore.runs.cluster import settings

    cluster, needs = settings.require(), cost.estimate(planned.spec, planned.train)
    each = [f"{cluster.gpus:g} GPU"] if cluster.gpus else []
    resources = " + ".join([*each, f"{cluster.cpus:g} CPU"])
    rows = [
        (
            tr("Reserves"),
            f"{planned.processes} × ({resources})" if planned.processes > 1 else resources,
        ),
        (tr("Memory"), tr("about {size}", size=formatting.size(needs.memory_bytes))),
        (tr("Stored in"), formatting.plain(settings.without_password(cluster.store))),
    ]
    st.caption("  \n".join(tr("{what}: **{text}**", what=what, text=text) for what, text in rows))


def offer_largest_batch(preset: str, spec: VGGSpec, train: TrainConfig, key: str) -> None:
    """A button that sets the batch size to the largest that fits, if that is a different one."""
    free = _free_memory(hardware.device_choices(train.device)[0])
    try:
        size = cost.largest_batch(spec, train, free or 0)
    except ValueError:
        return  # the memory is unknown, or not even one image fits
    if size != train.batch_size:
        st.button(
            tr("Use batch size {size:,}, the largest that fits", size=size),
            key=key,
            icon=":material/fit_screen:",
            type="tertiary",
            on_click=_set_batch_size,
            args=(preset, size),
            help=tr(
                "The largest power of two that fits, by the memory estimate. Larger "
                "batches mean fewer steps per epoch: raise the learning rate with them."
            ),
        )


def _set_batch_size(preset: str, size: int) -> None:
    st.session_state[controls.key(preset, "batch_size")] = size


def _about(needs: cost.Estimate, planned: PlannedRun) -> str:
    seconds = needs.seconds(planned.train.epochs, planned.processes)
    if seconds is None or needs.seconds_per_epoch is None:
        return tr("not known yet")
    return tr(
        "about {whole} with starting and testing, {epoch} an epoch",
        whole=formatting.duration(seconds),
        epoch=formatting.duration(needs.seconds_per_epoch / planned.processes),
    )


def _of_free(needed: int, free: int | None) -> str:
    size = formatting.size(needed)
    if free is None:
        return tr("about {size}", size=size)
    return tr("about {size} of {free} free", size=size, free=formatting.size(free))


@st.cache_data(ttl=10, show_spinner=False)
def _free_memory(device: str) -> int | None:
    return machine.free_memory(device)


def _about_gpus(device: str, needed: int) -> None:
    """What prevents training on a GPU, if there is one: one line per problem."""
    for problem in gpus.problems():
        st.caption(f":material/info: {formatting.plain(tr(problem))}")
    wanted = [one for name in hardware.device_choices(device) if (one := gpus.gpu(name))]
    if wanted and all(one.free < needed for one in wanted):
        most = max(wanted, key=lambda one: one.free)
        st.warning(
            tr(
                "Every GPU is in use: {name} has the most free memory, {free} of {total}. "
                "Wait, choose a smaller batch, or train on the CPU.",
                name=most.name,
                free=formatting.size(most.free),
                total=formatting.size(most.total),
            ),
            icon=":material/hourglass:",
        )
