"""Which networks a recipe can train: what the fields of both must fulfil together."""

import re

from vggcore.machine.messages import Message
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import CORRECTIONS, OWN, OWN_CHANNELS, WILD_CHANNELS, TrainConfig

# Settings that data sets handle in their own way, or not at all.
_LEFT_OUT = {
    "wild": ("train_limit", "fit", "flip", "shift", "mixup", "cutmix"),
    OWN: ("fit",),
    CORRECTIONS: (
        *("train_limit", "fit", "framing", "flip", "shift", "erase", "mixup", "cutmix"),
        *("label_smoothing", "init_layers", "freeze_epochs"),
    ),
}


def check(spec: VGGSpec, train: TrainConfig) -> None:
    """Raise ValueError, in one line, if this network cannot be trained by this recipe."""
    if "," in train.device:
        _check_several(train.device)
    if train.dataset == OWN:
        _check_own(spec, train)
    elif train.dataset == CORRECTIONS:
        if not (train.pictures and train.init_from):
            raise ValueError(
                Message("corrections need a network to correct (init_from) and their pictures")
            )
    else:
        _check_garments(spec, train)
    if train.optimizer == "muon" and not spec.batch_norm:
        raise ValueError(
            Message("optimizer 'muon' needs batch_norm: choose it, or another optimizer")
        )
    left_out = _LEFT_OUT.get(train.dataset, ())
    changed = [name for name in left_out if _is_changed(train, name)]
    if changed:
        raise ValueError(
            Message(
                "dataset {dataset!r} draws its pictures in its own way: leave out {changed}",
                dataset=train.dataset,
                changed=", ".join(changed),
            )
        )


def _check_garments(spec: VGGSpec, train: TrainConfig) -> None:
    if spec.num_classes != 10:
        raise ValueError(
            Message(
                "training needs num_classes 10, not {num_classes}: one for each kind of garment",
                num_classes=spec.num_classes,
            )
        )
    if train.dataset != "wild" and spec.in_channels != 1:
        raise ValueError(
            Message(
                "training on {dataset} needs in_channels 1, not {in_channels}: its garments "
                "are grey; dataset 'wild' has colours",
                dataset=train.dataset,
                in_channels=spec.in_channels,
            )
        )
    if train.dataset == "wild" and spec.in_channels not in WILD_CHANNELS:
        raise ValueError(
            Message(
                "training on 'wild' needs in_channels 1 (the outline), 3 (colours) or 4 "
                "(both), not {in_channels}",
                in_channels=spec.in_channels,
            )
        )
    for name in ("pictures", "framing"):
        if _is_changed(train, name):
            raise ValueError(
                Message("{name} is for dataset 'pictures': choose it, or leave this out", name=name)
            )


def _check_several(device: str) -> None:
    devices = device.split(",")
    numbered = all(re.fullmatch(r"cuda:\d{1,3}", each) for each in devices)
    if not numbered or len(set(devices)) < len(devices):
        raise ValueError(
            Message(
                "device {device!r}: several are different GPUs by number, such as cuda:0,cuda:2",
                device=device[:80],
            )
        )


def _check_own(spec: VGGSpec, train: TrainConfig) -> None:
    if not train.pictures:
        raise ValueError(
            Message("choose which pictures to train on: dataset 'pictures' means your own")
        )
    allowed = OWN_CHANNELS[train.framing]
    if spec.in_channels not in allowed:
        raise ValueError(
            Message(
                "framing {framing!r} needs in_channels {allowed}, not {in_channels}",
                framing=train.framing,
                allowed=" or ".join(map(str, allowed)),
                in_channels=spec.in_channels,
            )
        )


def _is_changed(train: TrainConfig, name: str) -> bool:
    return getattr(train, name) != getattr(TrainConfig(), name)
