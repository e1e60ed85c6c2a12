"""The form's controls: one for each field of a network and a recipe, which a link can fill in."""

import dataclasses
from collections.abc import Callable

import streamlit as st

from dashboard.shared import address, formatting
from dashboard.shared.language import N_, tr
from vggcore import runs
from vggcore.data.own import known_sets
from vggcore.data.own import places as own_places
from vggcore.machine import gpus, hardware
from vggcore.model import fields
from vggcore.model.architectures import CONFIGURATIONS, VGGSpec, parse_name
from vggcore.model.presets import DEFAULT_PRESET, PRESETS
from vggcore.model.recipe import CORRECTIONS, OWN, TrainConfig

PROCESSES, ON_CLUSTER = "train-processes", "train-on-cluster"  # keys of two controls
_ASKED = "train-asked"  # what the last link asked for
_PROBLEMS = "train-problems"  # … and what of it the form cannot show
_HEADS = {"fc": N_("three FC layers (paper)"), "pool": N_("average pool + linear")}
_SEES = {1: N_("grey outline"), 3: N_("colours"), 4: N_("colours and outline")}
_GROUPS = {
    "data": N_("Data"),
    "training": N_("Training"),
    "augmentation": N_("Augmentation"),
    "start": N_("Start from"),
    "machine": N_("Machine and seed"),
}
# Fields of the recipe that only own pictures have, and fields that they lack.
_ONLY_OWN, _NOT_OWN = ("pictures", "framing"), ("fit",)
# How many classes a network has follows from its pictures.
_FIELDS = fields.by_name(VGGSpec) | fields.by_name(TrainConfig)
del _FIELDS["num_classes"]
PARAMETERS = {
    **{name: address.text for name in ("run", "recorded", "group", "preset")},
    **{name: address.of_field(field) for name, field in _FIELDS.items()},
    "processes": address.number(1, runs.MAX_PROCESSES),
    "on_cluster": address.truth,
}


def key(preset: str, name: str) -> str:
    """Of the control for a field, in the session."""
    return f"train-{preset}-{name}"


def from_link() -> dict:
    """What the link asked for that filled in the form; {} without one."""
    return st.session_state.get(_ASKED, {})


def take_link(values: dict, presets: list[str], public: bool) -> None:
    """Fill in the form with the address's values, once per link; says what it cannot show.

    public: visitors choose a recipe and a seed, and nothing else.
    """
    wanted = {k: v for k, v in values.items() if k in PARAMETERS}
    refused = address.refused()
    # Streamlit forgets the form's values while another page is shown: then the link counts again.
    if refused or wanted != from_link() or "train-preset" not in st.session_state:
        st.session_state[_ASKED] = wanted
        st.session_state[_PROBLEMS] = _filled_in({**wanted}, refused, presets, public)
    for problem in st.session_state[_PROBLEMS]:
        st.warning(formatting.plain(problem))


def _filled_in(wanted: dict, refused: list[str], presets: list[str], public: bool) -> list[str]:
    """Fill in the form; returns what it cannot show, as sentences."""
    problems = []
    preset = wanted.get("preset", DEFAULT_PRESET)
    if wanted and preset not in presets:
        return [tr("The link asks for a recipe that is not here: {preset}", preset=preset)]
    for name in [*wanted]:
        is_set = name in ("preset", "seed") if public else wanted[name] != CORRECTIONS
        if not is_set:
            refused.append(f"{name}={wanted.pop(name)}")
    if wanted:
        st.session_state["train-preset"] = preset
        st.session_state[PROCESSES] = wanted.get("processes", 1)
        base = PRESETS[preset].spec.to_dict() | PRESETS[preset].train.to_dict()
        for name in _FIELDS:  # all of them: an earlier link may have filled in others
            value = wanted.get(name, base[name])
            st.session_state[key(preset, name)] = str(value) if name == "width" else value
    if runs.has_cluster() and "on_cluster" in wanted:
        st.session_state[ON_CLUSTER] = wanted["on_cluster"]
    elif wanted.get("on_cluster"):
        problems.append(
            tr(
                "This run trained on a cluster. None is set up here, so it will train on this "
                "machine."
            )
        )
    if refused:
        note = tr(
            "The link asks for settings that do not exist: {refused}", refused=", ".join(refused)
        )
        problems.insert(0, note)
    return problems


def network(base: VGGSpec, preset: str) -> VGGSpec:
    """Draw the network's controls. Raises ValueError for a network that cannot exist."""
    names = [name for name in _FIELDS if hasattr(base, name)]
    values = _in_two_columns(names, base, preset)
    return VGGSpec(**values, num_classes=base.num_classes)


def recipe(base: TrainConfig, preset: str) -> TrainConfig:
    """Draw the recipe's controls. Raises ValueError for an impossible recipe."""
    values: dict = {}
    for group, title in _GROUPS.items():
        st.markdown(f"**{tr(title)}**")
        names = [f.name for f in dataclasses.fields(base) if f.metadata["group"] == group]
        values |= _in_two_columns(names, base, preset)
    return TrainConfig(**values)


def _in_two_columns(names: list[str], base, preset: str) -> dict:
    values: dict = {}
    columns, place = st.columns(2), 0
    for name in names:
        hidden = _NOT_OWN if values.get("dataset") == OWN else _ONLY_OWN
        if name in hidden and name not in from_link():
            values[name] = _FIELDS[name].default
            continue
        with columns[place % 2]:
            values[name] = control(name, getattr(base, name), preset)
        place += 1
    return values


def label(name: str) -> str:
    """What the form calls a field."""
    field = fields.by_name(VGGSpec).get(name) or _FIELDS[name]
    words = formatting.sentence(tr(fields.label(field)))
    unit = field.metadata["unit"]
    return tr("{name} ({note})", name=words, note=tr(unit)) if unit else words


def shown(name: str, value) -> str:
    """A field's value as the form shows it."""
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if value is None or name == "device":
        return value or tr("automatic")
    return _SHOWN.get(name, str)(value)


def control(name: str, value, preset: str):
    """The control that suits a field; returns what it shows."""
    field = _FIELDS[name]
    meta = field.metadata
    common: dict = dict(help=formatting.sentence(tr(meta["help"])), key=key(preset, name))
    if options := _options(field):
        value = str(value) if name == "width" else value
        # What a link or the recipe asks for is offered, too: a path, another ratio, a device of
        # another machine. Whether it can be used is checked with the rest.
        present = st.session_state.get(common["key"], value)
        options += [each for each in dict.fromkeys((value, present)) if each not in options]
        label_of = _SHOWN.get(name, str)
        index = options.index(value)
        return st.selectbox(label(name), options, index, format_func=label_of, **common)
    if meta["kind"] is bool:
        return st.toggle(label(name), value, **common)
    if meta["kind"] is float:
        common["format"] = "%.8g"
    if field.default is None:
        common["placeholder"] = tr("automatic")
    step = fields.step(field, value)
    return st.number_input(label(name), meta["low"], meta["high"], value, step, **common)


def _options(field: dataclasses.Field) -> list:
    """What a field's control offers; [] if it is no choice."""
    if field.name == "device":
        return ["auto", *hardware.available_devices()]
    if field.name == "pictures":
        return ["", *own_places.names(), *known_sets.NAMES]
    if field.name == "init_from":
        return ["", *runs.starting_points()]
    options = field.metadata["choices"] or field.metadata["offered"] or ()
    return [each for each in options if each != CORRECTIONS]


def device_label(device: str) -> str:
    """ "cuda:0 · Tesla T4 · 14.6 of 15.8 GB free · 3 % busy", as far as it is known."""
    gpu = gpus.gpu(device)
    if not gpu or device == "cuda":
        return tr("auto: the best available") if device == "auto" else device
    free = tr(
        "{free} of {total} free",
        free=formatting.size(gpu.free),
        total=formatting.size(gpu.total),
    )
    busy = [] if gpu.busy is None else [tr("{percent} % busy", percent=gpu.busy)]
    return " · ".join([device, gpu.name, free, *busy])


def _configuration(name: str) -> str:
    column, batch_norm = parse_name(name)
    return f"{name} · {tr(CONFIGURATIONS[column].usual_name)}" + ("-BN" if batch_norm else "")


_SHOWN: dict[str, Callable[..., str]] = {
    "configuration": _configuration,
    "in_channels": lambda channels: tr(_SEES[channels]) if channels in _SEES else str(channels),
    "head": lambda head: tr(_HEADS[head]),
    "device": device_label,
    "pictures": lambda name: name or tr("choose yours"),
    "init_from": lambda name: name or tr("nothing"),
}
