"""Links from one page to the next step on another; the address holds what they pass on."""

import streamlit as st

from dashboard.shared import network_choice
from dashboard.shared.language import tr
from vggcore.data.classes import CLASSES
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import CORRECTIONS, DEFAULT_PRESET, PRESETS

_CARRIED = ("configuration", "width", "batch_norm", "image_size", "head", "dropout")


def train(spec: VGGSpec) -> None:
    """Opens the Train page with this network in its form, and says what has to be different."""
    # Muon, which `fast` trains with, needs batch norm.
    preset = "fast" if spec.batch_norm else "tutorial"
    values = spec.to_dict()
    carried = {"preset": preset, "spec": {name: values[name] for name in _CARRIED}}
    changed_run(tr("Train this network"), carried)
    differs = []
    if spec.num_classes != len(CLASSES):
        differs.append(
            tr(
                "{count} classes instead of {num_classes:,}",
                count=len(CLASSES),
                num_classes=spec.num_classes,
            )
        )
    if spec.in_channels != 1:
        differs.append(tr("grey images instead of colour"))
    if differs:
        st.caption(tr("On Fashion-MNIST: {differs}.", differs=tr(" and ").join(differs)))


def changed_run(label: str, config: dict, **changes) -> None:
    """Opens the Train page with a run's network and recipe in its form, with these changes.

    Nothing if the run's config is damaged, or if its preset is unknown.
    """
    preset = PRESETS.get(config.get("preset") or DEFAULT_PRESET)
    if preset is None or preset.train.dataset == CORRECTIONS:  # corrections start from an answer
        return
    query = {"preset": config.get("preset") or DEFAULT_PRESET}
    for part, base in (("spec", preset.spec.to_dict()), ("train", preset.train.to_dict())):
        values = (config.get(part) or {}) | {k: v for k, v in changes.items() if k in base}
        query |= {
            name: str(value)
            for name, value in values.items()
            if name in base and value != base[name] and value is not None
        }
    st.page_link("pages/train.py", label=label, icon=":material/tune:", query_params=query)


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
