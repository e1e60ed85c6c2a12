"""The form of the Train page, made from the same fields as the command line's arguments."""

import dataclasses

import streamlit as st

from dashboard.shared.language import sentence, tr
from dashboard.train import controls, forecast, placement, rate, recipe_cards
from dashboard.train.planned_run import PlannedRun
from vggcore import runs
from vggcore.commands import recipe_options
from vggcore.machine import hardware
from vggcore.model import recipe, recipe_checks
from vggcore.model.presets import DEFAULT_PRESET, PRESETS
from vggcore.runs.limits import Limits


def fill_in(limits: Limits, link: dict) -> PlannedRun:
    """Draw the form, at first as a link asks for it; returns its current contents."""
    choices = [
        name
        for name, preset in PRESETS.items()
        if (not limits.public or name in limits.presets)
        and preset.train.dataset != recipe.CORRECTIONS  # these start on the Your pictures page
    ]
    missing_data = {
        name: why for name in choices if (why := recipe_cards.missing_pictures(PRESETS[name].train))
    }
    choices = [name for name in choices if name not in missing_data]
    controls.take_link(link, choices, limits.public)
    default = DEFAULT_PRESET if DEFAULT_PRESET in choices else choices[0]
    preset = st.radio(
        tr("Recipe"),
        choices,
        choices.index(default),
        captions=[recipe_cards.recipe_card(name) for name in choices],
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
            return PlannedRun(preset, name, base.spec, train, on_cluster=placement.on_cluster())
        with st.expander(tr("Network"), icon=":material/account_tree:"):
            spec = controls.network(base.spec, preset)
        with st.expander(tr("Recipe in detail"), icon=":material/tune:"):
            train = controls.recipe(base.train, preset)
            forecast.offer_largest_batch(preset, spec, train, "train-largest-batch")
            rate.offer(preset, spec, train)
        recipe_checks.check(spec, train)
        if why := recipe_cards.missing_pictures(train):
            return PlannedRun(preset, name, base.spec, base.train, why)
        if train.dataset == recipe.OWN:
            spec, train = recipe_options.for_pictures(spec, train)
    except ValueError as error:
        return PlannedRun(preset, name, base.spec, base.train, sentence(error))
    on_cluster = placement.on_cluster()
    missing = ""
    if on_cluster:
        if train.dataset in (recipe.OWN, recipe.CORRECTIONS):
            problem = tr("Your pictures stay on this machine: train on them here.")
            return PlannedRun(preset, name, base.spec, base.train, problem)
        processes = placement.processes_on_cluster()
        train = placement.on_device_of_cluster(train)
    else:
        train = placement.on_chosen_gpus(train)
        devices = hardware.device_choices(train.device)
        if not set(devices) <= set(hardware.available_devices()):
            missing = train.device
        processes = len(train.device.split(","))
        if processes == 1 and controls.from_link().get("processes", 1) > 1:
            processes = placement.processes(tr("Processes"))
    seeds = st.number_input(
        tr("Number of runs"),
        1,
        runs.MAX_SEEDS,
        1,
        key="train-seeds",
        help=tr(
            "More than one: a group of runs, one after the other, that differ only in "
            "their seeds. Their mean and spread show how much is chance."
        ),
    )
    return PlannedRun(
        preset,
        name,
        spec,
        train,
        processes=processes,
        on_cluster=on_cluster,
        seeds=seeds,
        missing=missing,
    )
