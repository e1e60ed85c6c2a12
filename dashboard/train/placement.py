"""Where a run trains: here or on the cluster, on which GPUs, in how many processes."""

import dataclasses

import streamlit as st

from dashboard.shared import formatting
from dashboard.shared.language import sentence, tr
from dashboard.train import controls
from vggcore import runs
from vggcore.machine import hardware
from vggcore.model.recipe import TrainConfig


def on_cluster() -> bool:
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


def processes_on_cluster() -> int:
    from vggcore.runs.cluster import settings

    return processes(tr("GPUs") if settings.require().gpus else tr("Processes"))


def processes(label: str) -> int:
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


def on_device_of_cluster(train: TrainConfig) -> TrainConfig:
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


def on_chosen_gpus(train: TrainConfig) -> TrainConfig:
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
