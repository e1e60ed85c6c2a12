"""The form of the Train page, made from the same fields as the command line's arguments."""

import dataclasses
import shlex
from dataclasses import dataclass

import streamlit as st

from dashboard.shared import formatting
from dashboard.shared.language import N_, sentence, tr
from dashboard.train import rate
from vggcore import runs
from vggcore.commands import recipe_options
from vggcore.data.own import known_sets
from vggcore.data.own import places as own_places
from vggcore.machine import gpus, paths
from vggcore.machine import memory as machine
from vggcore.machine.hardware import available_devices, device_choices
from vggcore.model import recipe
from vggcore.model.architectures import CONFIGURATIONS, HEADS, VGGSpec
from vggcore.model.recipe import DEFAULT_PRESET, PRESETS, TrainConfig
from vggcore.runs.limits import Limits
from vggcore.training import cost

WIDTHS = ("1/16", "1/8", "1/4", "3/8", "1/2", "3/4", "1", "2")
_HEADS = {"fc": N_("three FC layers (paper)"), "pool": N_("average pool + linear")}
_SEES = {1: N_("grey outline"), 3: N_("colours"), 4: N_("colours and outline")}
_LABELS = {"cuda_graphs": N_("CUDA graphs")}
_ASKED = "train-asked"  # what the last link asked for
_FIELDS = (
    *("configuration", "width", "image_size", "in_channels", "head", "dropout", "batch_norm"),
    *(field.name for field in dataclasses.fields(TrainConfig)),
)
# Fields of the recipe that only own pictures have, and fields that they lack.
_ONLY_OWN, _NOT_OWN = ("pictures", "framing"), ("fit",)
_GROUPS = {
    "data": N_("Data"),
    "training": N_("Training"),
    "augmentation": N_("Augmentation"),
    "start": N_("Start from"),
    "machine": N_("Machine and seed"),
}


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

    def command(self) -> str:
        """The command for the same run in a terminal."""
        arguments = recipe_options.command_line(self.preset, self.spec, self.train)
        program = "python -m vggcore"
        if self.on_cluster:
            several = ["--processes", str(self.processes)] if self.processes > 1 else []
            arguments += ["--on", "cluster", *several]
            if self.seeds == 1:
                return f"{program} runs launch {shlex.join(arguments)}"
        elif self.processes > 1:
            program = f"torchrun --standalone --nproc-per-node={self.processes} -m vggcore"
        if self.seeds > 1:
            started = ["--seeds", str(self.seeds), *(["--name", self.name] if self.name else [])]
            return f"python -m vggcore runs launch {shlex.join(started + arguments)}"
        return f"{program} train {shlex.join(arguments)}"


def fill_in(limits: Limits) -> Wish:
    """Draw the form; returns its current contents."""
    choices = [
        name
        for name, preset in PRESETS.items()
        if (not limits.public or name in limits.presets)
        and preset.train.dataset != recipe.CORRECTIONS  # these start on the Your pictures page
    ]
    _take_address(choices, limits)
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
            seed = _train_widget(_field("seed"), base.train.seed, preset)
            train = limits.capped(preset, dataclasses.replace(base.train, seed=seed))
            return Wish(preset, name, base.spec, train, on_cluster=_on_cluster())
        with st.expander(tr("Network"), icon=":material/account_tree:"):
            spec = VGGSpec(**_network_widgets(base.spec, preset))
        with st.expander(tr("Recipe in detail"), icon=":material/tune:"):
            train = TrainConfig(**_recipe_widgets(base.train, preset))
            _offer_largest_batch(preset, spec, train, "train-largest-batch")
            rate.offer(preset, spec, train)
        recipe.check(spec, train)
        if train.dataset == recipe.OWN:
            spec, train = recipe_options.for_pictures(spec, train)
    except ValueError as error:
        return Wish(preset, name, base.spec, base.train, sentence(error))
    on_cluster = _on_cluster()
    if on_cluster:
        processes = _gpus_of_cluster()
        if train.dataset in (recipe.OWN, recipe.CORRECTIONS):
            problem = tr("Your pictures stay on this machine: train on them here.")
            return Wish(preset, name, base.spec, base.train, problem)
    else:
        train = _on_chosen_gpus(train)
        processes = len(train.device.split(","))
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
    return Wish(preset, name, spec, train, processes=processes, seeds=seeds, on_cluster=on_cluster)


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
            key="train-on-cluster",
        )
    )


def _gpus_of_cluster() -> int:
    from vggcore.runs.cluster import settings

    cluster = settings.require()
    each = tr("GPUs") if cluster.gpus else tr("Processes")
    return st.number_input(
        each,
        1,
        runs.MAX_PROCESSES,
        1,
        key="train-cluster-gpus",
        help=tr(
            "More than one: each takes its share of every batch, and the gradients are averaged."
        ),
    )


def _on_chosen_gpus(train: TrainConfig) -> TrainConfig:
    """The recipe with the GPUs of this machine to train on, if there are several."""
    there = [device for device in available_devices() if device.startswith("cuda")]
    if len(there) < 2 or train.device not in ("auto", "cuda"):
        return train
    chosen = st.multiselect(
        tr("GPUs"),
        there,
        format_func=device_label,
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
    parts = [tr(preset.reaches), tr(preset.audience)]
    if seconds is not None and preset.train.dataset != recipe.OWN:
        whole = formatting.rough_duration(seconds * preset.train.epochs)
        parts.insert(1, tr("about {time} here", time=whole))
    return " · ".join(parts)


def _take_address(choices: list[str], limits: Limits) -> None:
    """Fill in the form from a link, once per link; says which values are invalid."""
    asked = {
        name: st.query_params[name] for name in ("preset", *_FIELDS) if name in st.query_params
    }
    # Streamlit forgets the form's values while another page is shown: then the link counts again.
    filled_in = st.session_state.get(_ASKED) == asked and "train-preset" in st.session_state
    if not asked or filled_in:
        return
    st.session_state[_ASKED] = asked
    preset = asked.get("preset", DEFAULT_PRESET)
    if preset not in choices:
        st.warning(
            formatting.plain(
                tr("The link asks for a recipe that is not here: {preset}", preset=preset)
            )
        )
        return
    st.session_state["train-preset"] = preset
    if limits.public:
        return
    base, refused = PRESETS[preset], []
    for name, text in asked.items():
        if name == "preset":
            continue
        try:
            part = base.spec if hasattr(base.spec, name) else base.train
            changed = dataclasses.replace(part, **{name: _read(text, getattr(part, name))})
            value = getattr(changed, name)
            value = str(value) if name == "width" else value
            if name == "width" and value not in WIDTHS:
                raise ValueError
        except ValueError:
            refused.append(f"{name} {text[:40]}")
            continue
        st.session_state[f"train-{preset}-{name}"] = value
    if refused:
        st.warning(
            formatting.plain(
                tr(
                    "The link asks for settings that do not exist: {refused}",
                    refused=", ".join(refused),
                )
            )
        )


def _read(text: str, like):
    """The text from an address, as the type of `like`. Raises ValueError."""
    if isinstance(like, bool):
        if text.lower() not in ("true", "false"):
            raise ValueError
        return text.lower() == "true"
    return type(like)(text) if isinstance(like, int | float) else text


def forecast(wish: Wish) -> None:
    """What the run needs on this machine: device, time, memory, disk; warns if it won't fit."""
    if wish.on_cluster:
        _forecast_on_cluster(wish)
        return
    device = device_choices(wish.train.device)[0]
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
        "  \n".join(f"{what}: **{text}**" for what, text in rows),
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
    living = [run.name for run in runs.list_runs() if run.living and not run.on_cluster]
    if living:
        st.caption(
            tr(
                "{living} will train first on the same device.",
                living=formatting.plain(", ".join(living)),
            )
        )


def _forecast_on_cluster(wish: Wish) -> None:
    """What the run asks the cluster for; its speed there has not been measured."""
    from vggcore.runs.cluster import settings

    cluster, needs = settings.require(), cost.estimate(wish.spec, wish.train)
    each = [f"{cluster.gpus:g} GPU"] if cluster.gpus else []
    asked = " + ".join([*each, f"{cluster.cpus:g} CPU"])
    rows = [
        (tr("Reserves"), f"{wish.processes} × ({asked})" if wish.processes > 1 else asked),
        (tr("Memory"), tr("about {size}", size=formatting.size(needs.memory_bytes))),
        (tr("Stored in"), formatting.plain(settings.without_password(cluster.store))),
    ]
    st.caption("  \n".join(f"{what}: **{text}**" for what, text in rows))


def _offer_largest_batch(preset: str, spec: VGGSpec, train: TrainConfig, key: str) -> None:
    """A button that sets the batch size to the largest that fits, if that is a different one."""
    free = _free_memory(device_choices(train.device)[0])
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
    st.session_state[f"train-{preset}-batch_size"] = size


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


def _network_widgets(base: VGGSpec, preset: str) -> dict:
    def key(field: str) -> str:
        return f"train-{preset}-{field}"

    left, right = st.columns(2)
    names = list(CONFIGURATIONS)
    values = {
        "configuration": left.selectbox(
            tr("Configuration"),
            names,
            index=names.index(base.configuration),
            format_func=lambda name: f"{name} · {CONFIGURATIONS[name].usual_name}",
            key=key("configuration"),
            help=tr("Column of the paper's Table 1"),
        ),
        "width": right.selectbox(
            tr("Width"),
            WIDTHS,
            WIDTHS.index(str(base.width)),
            key=key("width"),
            help=tr("Multiplies every channel count of the paper"),
        ),
        "image_size": left.number_input(
            tr("Image size (px)"),
            28,
            512,
            base.image_size,
            key=key("image_size"),
            help=tr("Side of the network's input. Five 2×2 pools need at least 32."),
        ),
        "in_channels": left.selectbox(
            tr("Input"),
            recipe.WILD_CHANNELS,
            recipe.WILD_CHANNELS.index(base.in_channels),
            format_func=lambda channels: tr(_SEES[channels]),
            key=key("in_channels"),
            help=tr("What the network sees. Fashion-MNIST is grey; dataset wild has colours."),
        ),
        "head": right.selectbox(
            tr("Classifier"),
            HEADS,
            HEADS.index(base.head),
            key=key("head"),
            format_func=lambda head: tr(_HEADS[head]),
        ),
        "dropout": right.number_input(
            tr("Dropout"), 0.0, 0.95, float(base.dropout), 0.05, key=key("dropout")
        ),
        "batch_norm": left.toggle(
            tr("Batch normalisation"), base.batch_norm, key=key("batch_norm")
        ),
    }
    return values | {"fc_width": base.fc_width}


def _one_of(there: list[str], nothing: str, label: str, value: str, common: dict) -> str:
    """One of the names that are there, or "", shown as `nothing`.

    What was asked for is offered too: a path, if a run was started in a terminal, or a name that is
    gone, about which the run's start then says so.
    """
    asked = st.session_state.get(common["key"], value)
    choices = ["", *there, *([asked] if asked and asked not in there else [])]
    return st.selectbox(
        label,
        choices,
        choices.index(value) if value in choices else 0,
        format_func=lambda name: name or nothing,
        **common,
    )


def _recipe_widgets(base: TrainConfig, preset: str) -> dict:
    values: dict = {}
    for group, title in _GROUPS.items():
        fields = [f for f in dataclasses.fields(TrainConfig) if f.metadata["group"] == group]
        st.markdown(f"**{tr(title)}**")
        columns = st.columns(2)
        place = 0
        for field in fields:
            hidden = _NOT_OWN if values.get("dataset") == recipe.OWN else _ONLY_OWN
            if field.name in hidden:
                values[field.name] = getattr(base, field.name)
                continue
            with columns[place % 2]:
                values[field.name] = _train_widget(field, getattr(base, field.name), preset)
            place += 1
    return values


def _train_widget(field: dataclasses.Field, value, preset: str):
    """The widget that suits a field of `TrainConfig`; returns its current value."""
    meta, key = field.metadata, f"train-{preset}-{field.name}"
    name = _LABELS.get(field.name, field.name.replace("_", " "))
    label = formatting.sentence(tr(name))
    label += f" ({tr(meta['unit'])})" if meta["unit"] else ""
    common: dict = dict(help=formatting.sentence(tr(meta["help"])), key=key)
    if field.name == "device":
        return st.selectbox(
            label, ["auto", *available_devices()], format_func=device_label, **common
        )
    if field.name == "pictures":
        there = [*own_places.names(), *known_sets.NAMES]
        return _one_of(there, tr("choose yours"), label, value, common)
    if field.name == "init_from":
        return _one_of(starting_points(), tr("nothing"), label, value, common)
    if meta["choices"]:
        choices = [each for each in meta["choices"] if each != recipe.CORRECTIONS]
        return st.selectbox(label, choices, choices.index(value), **common)
    if isinstance(value, bool):
        return st.toggle(label, value, **common)
    if isinstance(value, int):
        return st.number_input(label, meta["low"], meta["high"], value, 1, **common)
    return st.number_input(
        label, meta["low"], meta["high"], value, _float_step(value), format="%.5g", **common
    )


def device_label(device: str) -> str:
    """ "cuda:0 · Tesla T4 · 14.6 of 15.8 GB free · 3 % busy", as far as it is known."""
    found = gpus.gpu(device)
    if not found or device == "cuda":
        return tr("auto: the best available") if device == "auto" else device
    free = tr(
        "{free} of {total} free",
        free=formatting.size(found.free),
        total=formatting.size(found.total),
    )
    busy = [] if found.busy is None else [tr("{percent} % busy", percent=found.busy)]
    return " · ".join([device, found.name, free, *busy])


def _about_gpus(device: str, needed: int) -> None:
    """What prevents training on a GPU, if there is one: one line per problem."""
    for problem in gpus.problems():
        st.caption(f":material/info: {formatting.plain(tr(problem))}")
    wanted = [one for name in device_choices(device) if (one := gpus.gpu(name))]
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


def _float_step(value: float) -> float:
    """A step that changes the first digit: 0.004 → 0.001."""
    return 10.0 ** (len(f"{value:.0f}") - 1) if value >= 1 else float(f"1e{f'{value:e}'[-3:]}")


def starting_points() -> list[str]:
    """Checkpoints and runs that a run can start from."""
    return runs.starting_points()


def _field(name: str) -> dataclasses.Field:
    return next(field for field in dataclasses.fields(TrainConfig) if field.name == name)
