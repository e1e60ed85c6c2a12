"""The form of the Train page, made from the same fields as the command line's arguments."""

import dataclasses
import shlex
from dataclasses import dataclass

import streamlit as st

from dashboard.shared import formatting
from dashboard.shared.language import listed, sentence, tr
from dashboard.train import controls, rate
from vggcore import runs
from vggcore.commands import recipe_options
from vggcore.machine import gpus, hardware, paths
from vggcore.machine import memory as machine
from vggcore.model import checkpoints, recipe
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import DEFAULT_PRESET, PRESETS, TrainConfig
from vggcore.runs.limits import Limits
from vggcore.training import cost
from vggcore.wild import items


@dataclass(frozen=True)
class Wish:
    """What the visitor filled in. `problem` says in one line why it is invalid; empty if valid."""

    preset: str
    name: str
    spec: VGGSpec  # the recipe's own if there is a problem
    train: TrainConfig
    problem: str = ""
    processes: int = 1  # GPUs to train on at once
    on_cluster: bool = False  # trains there instead of on this machine
    seeds: int = 1  # number of runs, which differ only in their seeds
    missing: str = ""  # the device, if this machine does not have it

    def command(self) -> str:
        """The command for the same run in a terminal."""
        recipe = recipe_options.command_line(self.preset, self.spec, self.train)
        several = self.processes > 1 and "," not in self.train.device  # else the devices say it
        if self.seeds == 1 and not self.on_cluster:
            program = "python -m vggcore"
            if self.processes > 1:
                program = f"torchrun --standalone --nproc-per-node={self.processes} -m vggcore"
            return f"{program} train {shlex.join(recipe)}"
        started = ["--seeds", str(self.seeds)] if self.seeds > 1 else []
        started += ["--name", self.name] if self.name else []
        where = ["--on", "cluster"] if self.on_cluster else []
        where += ["--processes", str(self.processes)] if several else []
        return f"python -m vggcore runs launch {shlex.join(started + recipe + where)}"


def fill_in(limits: Limits, link: dict) -> Wish:
    """Draw the form, at first as a link asks for it; returns its current contents."""
    choices = [
        name
        for name, preset in PRESETS.items()
        if (not limits.public or name in limits.presets)
        and preset.train.dataset != recipe.CORRECTIONS  # these start on the Your pictures page
    ]
    missing_data = {name: why for name in choices if (why := _missing(PRESETS[name].train))}
    choices = [name for name in choices if name not in missing_data]
    controls.take_link(link, choices, limits.public)
    default = DEFAULT_PRESET if DEFAULT_PRESET in choices else choices[0]
    preset = st.radio(
        tr("Recipe"),
        choices,
        choices.index(default),
        captions=[_recipe_card(name) for name in choices],
        key="train-preset",
        help=tr("Test accuracy as measured; the time is an estimate for this machine."),
    )
    st.caption(tr(PRESETS[preset].summary))
    for name, why in missing_data.items():
        st.caption(tr("Not offered here: {recipe}. {reason}", recipe=name, reason=why))
    typed = st.text_input(
        tr("Name"),
        placeholder=tr("automatic: {free_name}", free_name=runs.free_name(preset)),
        max_chars=63,
        key="train-name",
    )
    name = runs.slug(typed)
    if typed and name != typed:
        st.caption(
            tr("Will be called `{name}`.", name=name) if name else tr("Use letters and digits.")
        )
    base = PRESETS[preset]
    try:
        if limits.public:
            seed = controls.control("seed", base.train.seed, preset)
            train = limits.capped(preset, dataclasses.replace(base.train, seed=seed))
            return Wish(preset, name, base.spec, train, on_cluster=_on_cluster())
        with st.expander(tr("Network"), icon=":material/account_tree:"):
            spec = controls.network(base.spec, preset)
        with st.expander(tr("Recipe in detail"), icon=":material/tune:"):
            train = controls.recipe(base.train, preset)
            _offer_largest_batch(preset, spec, train, "train-largest-batch")
            rate.offer(preset, spec, train)
        recipe.check(spec, train)
        if why := _missing(train):
            return Wish(preset, name, base.spec, base.train, why)
        if train.dataset == recipe.OWN:
            spec, train = recipe_options.for_pictures(spec, train)
    except ValueError as error:
        return Wish(preset, name, base.spec, base.train, sentence(error))
    on_cluster = _on_cluster()
    missing = ""
    if on_cluster:
        if train.dataset in (recipe.OWN, recipe.CORRECTIONS):
            problem = tr("Your pictures stay on this machine: train on them here.")
            return Wish(preset, name, base.spec, base.train, problem)
        processes = _processes_on_cluster()
        train = _on_device_of_cluster(train)
    else:
        train = _on_chosen_gpus(train)
        devices = hardware.device_choices(train.device)
        if not set(devices) <= set(hardware.available_devices()):
            missing = train.device
        processes = len(train.device.split(","))
        if processes == 1 and controls.from_link().get("processes", 1) > 1:
            processes = _processes(tr("Processes"))
    seeds = st.number_input(
        tr("Runs"),
        1,
        runs.MAX_SEEDS,
        1,
        key="train-seeds",
        help=tr(
            "More than one: a group of runs, one after the other, that differ only in "
            "their seeds. Their mean and spread show how much is chance."
        ),
    )
    return Wish(
        preset,
        name,
        spec,
        train,
        processes=processes,
        on_cluster=on_cluster,
        seeds=seeds,
        missing=missing,
    )


def _on_cluster() -> bool:
    """Whether the run is to train on the cluster; asked only if one is set up."""
    if not runs.has_cluster():
        return False
    from vggcore.runs.cluster import settings

    try:
        cluster = settings.read()
    except ValueError as error:
        st.warning(formatting.plain(sentence(error)), icon=":material/lan:")
        return False
    if cluster is None:
        return False
    names = {False: tr("this machine"), True: tr("the cluster at {host}", host=cluster.host)}
    return bool(
        st.segmented_control(
            tr("Train on"),
            list(names),
            default=True,
            required=True,
            format_func=lambda place: formatting.plain(names[place]),
            key=controls.ON_CLUSTER,
        )
    )


def _processes_on_cluster() -> int:
    from vggcore.runs.cluster import settings

    return _processes(tr("GPUs") if settings.require().gpus else tr("Processes"))


def _processes(label: str) -> int:
    return st.number_input(
        label,
        1,
        runs.MAX_PROCESSES,
        1,
        key=controls.PROCESSES,
        help=tr(
            "More than one: each takes its share of every batch, and the gradients are averaged."
        ),
    )


def _on_device_of_cluster(train: TrainConfig) -> TrainConfig:
    """The recipe without a device of this machine: a cluster chooses its own."""
    if train.device in ("auto", "cpu"):
        return train
    st.caption(
        tr(
            "The cluster chooses the device: {device} is left out.",
            device=formatting.plain(train.device),
        )
    )
    return dataclasses.replace(train, device="auto")


def _on_chosen_gpus(train: TrainConfig) -> TrainConfig:
    """The recipe with the GPUs of this machine to train on, if there are several."""
    there = [device for device in hardware.available_devices() if device.startswith("cuda")]
    if len(there) < 2 or train.device not in ("auto", "cuda"):
        return train
    chosen = st.multiselect(
        tr("GPUs"),
        there,
        format_func=controls.device_label,
        key="train-gpus",
        placeholder=tr("first free GPU"),
        help=tr(
            "More than one: each takes its share of every batch, and the gradients are averaged."
        ),
    )
    return dataclasses.replace(train, device=",".join(sorted(chosen)) or train.device)


def _recipe_card(name: str) -> str:
    """What accuracy a recipe reaches, how long it takes here, and whom it is for."""
    preset = PRESETS[name]
    seconds = cost.estimate(preset.spec, preset.train).seconds_per_epoch
    parts = [_reaches(preset), tr(preset.audience)]
    if seconds is not None and preset.train.dataset != recipe.OWN:
        whole = formatting.rough_duration(seconds * preset.train.epochs)
        parts.insert(1, tr("about {time} here", time=whole))
    return " · ".join(filter(None, parts))


def _reaches(preset: recipe.Preset) -> str:
    """What accuracy a recipe reaches; from the card of the network that it trained, if it ships."""
    if not preset.shipped:
        return tr(preset.reaches)
    try:
        card = checkpoints.read_card(preset.shipped)
    except checkpoints.CheckpointError:
        return ""
    figures = {
        tr("{percent} % test accuracy on Fashion-MNIST"): card.test_accuracy,
        tr("{percent} % of held-out photos"): card.by_kind.get("photos"),
        tr("{percent} % of held-out drawings"): card.by_kind.get("sketches"),
    }
    return " · ".join(
        text.format(percent=f"{100 * share:.1f}") for text, share in figures.items() if share
    )


def _missing(train: TrainConfig) -> str:
    """Why a recipe cannot be trained here, for want of its pictures; "" if it can."""
    if train.dataset == "wild":
        try:
            items.require()
        except ValueError as error:
            return sentence(error)
    return ""


def forecast(wish: Wish) -> None:
    """What the run needs on this machine: device, time, memory, disk; warns if it won't fit."""
    if wish.on_cluster:
        _forecast_on_cluster(wish)
        return
    device = hardware.device_choices(wish.train.device)[0]
    if wish.seeds > 1:
        st.caption(tr("{seeds} runs, one after the other. Each:", seeds=wish.seeds))
    needs = cost.estimate(wish.spec, wish.train)
    memory, disk = _free_memory(device), machine.free_disk(paths.runs_dir())
    per_epoch = needs.seconds_per_epoch
    rows = [
        (
            tr("Device"),
            formatting.plain(wish.train.device if wish.processes > 1 else device),
        ),
        (tr("Time"), tr("not known yet") if per_epoch is None else _about(per_epoch, wish)),
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
                _offer_largest_batch(wish.preset, wish.spec, wish.train, "train-fitting-batch")
    _about_gpus(wish.train.device, needs.memory_bytes)
    ahead = runs.ahead_of_new(wish.train.device, wish.processes)
    if ahead:
        st.caption(
            tr(
                "{living} will train first on the same device.",
                living=formatting.plain(listed(ahead)),
            )
        )


def _forecast_on_cluster(wish: Wish) -> None:
    """What the run asks the cluster for; its speed there has not been measured."""
    from vggcore.runs.cluster import settings

    cluster, needs = settings.require(), cost.estimate(wish.spec, wish.train)
    each = [f"{cluster.gpus:g} GPU"] if cluster.gpus else []
    resources = " + ".join([*each, f"{cluster.cpus:g} CPU"])
    rows = [
        (tr("Reserves"), f"{wish.processes} × ({resources})" if wish.processes > 1 else resources),
        (tr("Memory"), tr("about {size}", size=formatting.size(needs.memory_bytes))),
        (tr("Stored in"), formatting.plain(settings.without_password(cluster.store))),
    ]
    st.caption("  \n".join(tr("{what}: **{text}**", what=what, text=text) for what, text in rows))


def _offer_largest_batch(preset: str, spec: VGGSpec, train: TrainConfig, key: str) -> None:
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


def _about(seconds_per_epoch: float, wish: Wish) -> str:
    whole = formatting.duration(seconds_per_epoch * wish.train.epochs / wish.processes)
    return tr(
        "about {whole}, {epoch} an epoch",
        whole=whole,
        epoch=formatting.duration(seconds_per_epoch / wish.processes),
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
