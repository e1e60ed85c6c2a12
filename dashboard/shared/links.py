"""Links from one page to the next step on another; the address holds what they pass on."""

from dataclasses import replace

import streamlit as st

from dashboard.shared import network_choice
from dashboard.shared.language import tr
from vggcore import runs
from vggcore.data.classes import CLASSES
from vggcore.model.architectures import VGGSpec
from vggcore.model.fields import by_name
from vggcore.model.presets import DEFAULT_PRESET, PRESETS
from vggcore.model.recipe import CORRECTIONS, TrainConfig, on_from
from vggcore.runs import Run


def train(spec: VGGSpec) -> None:
    """Opens the Train page with this network in its form, and says what has to be different."""
    # Muon, which `fast` trains with, needs batch norm.
    preset = PRESETS[name := "fast" if spec.batch_norm else "tutorial"]
    trained = replace(spec, in_channels=preset.spec.in_channels, num_classes=len(CLASSES))
    _form(tr("Train this network"), name, trained, preset.train, {})
    differs = []
    if spec.num_classes != trained.num_classes:
        differs.append(
            tr(
                "{count} classes instead of {num_classes:,}",
                count=trained.num_classes,
                num_classes=spec.num_classes,
            )
        )
    if spec.in_channels != trained.in_channels:
        differs.append(tr("grey images instead of colour"))
    if differs:
        st.caption(tr("On Fashion-MNIST: {differs}.", differs=tr(" and ").join(differs)))


def changed_run(label: str, run: Run, **changes) -> None:
    """Opens the Train page with a run's network and recipe in its form, with these changes.

    Nothing if the run's config is damaged, or if the form cannot show it: corrections start from an
    answer, not from the form.
    """
    if run.spec is None or run.train is None or run.train.dataset == CORRECTIONS:
        return
    try:
        spec = replace(run.spec, **_of(run.spec, changes))
        recipe = replace(run.train, **_of(run.train, changes))
    except ValueError:
        return
    where = {}
    if (processes := runs.processes_of(run.path)) > 1:
        where["processes"] = str(processes)
    if run.on_cluster or runs.has_cluster():
        where["on_cluster"] = str(run.on_cluster)
    preset = run.preset if run.preset in PRESETS else DEFAULT_PRESET
    _form(label, preset, spec, recipe, where)


def longer(run: Run) -> None:
    """Opens the Train page with a finished run's recipe in its form, to go on from its weights.

    A one-cycle schedule that has ended cannot go on.
    """
    changed_run(tr("Train longer from these weights"), run, **on_from(run.name))


def _of(config: VGGSpec | TrainConfig, values: dict) -> dict:
    return {name: value for name, value in values.items() if hasattr(config, name)}


def _form(
    label: str, preset: str, spec: VGGSpec, recipe: TrainConfig, where: dict[str, str]
) -> None:
    """A link to the form, filled in with these: the address holds what differs from the preset."""
    base = PRESETS[preset]
    query = {"preset": preset}
    for name in (*by_name(VGGSpec), *by_name(TrainConfig)):
        ours, theirs = (base.spec, spec) if hasattr(spec, name) else (base.train, recipe)
        if name != "num_classes" and getattr(ours, name) != getattr(theirs, name):
            query[name] = str(getattr(theirs, name))
    st.page_link("pages/train.py", label=label, icon=":material/tune:", query_params=query | where)


def confusion(network: str, true: str, named: str) -> None:
    """Opens the Results page at the garments that this network mistakes for others."""
    st.page_link(
        "pages/results.py",
        label=tr("Where it takes {true} for {named}", true=tr(true), named=tr(named)),
        icon=":material/grid_on:",
        query_params={
            "network": network,
            "section": "Confusion",
            "cell-is": true,
            "cell-taken-for": named,
        },
    )


def to_sample(network: str, true: str, number: int) -> None:
    """Goes to the Classify page with the test image of a class at `number`."""
    network_choice.choose_next(network)
    query = {"source": "Sample", "sample-class": true, "sample-number": str(number)}
    st.switch_page("pages/classify.py", query_params=query)
