"""The controls of the Compare page, bound to the URL: a copied address shows the same page."""

from itertools import pairwise

import streamlit as st

from dashboard.shared import language
from dashboard.shared.address import Reader, choice, number, of_field, several, text, truth
from dashboard.shared.language import N_, tr
from vggcore.model.architectures import CONFIGURATIONS, WIDTHS, VGGSpec
from vggcore.model.fields import by_name
from vggcore.model.presets import PRESETS

NORMS = (N_("without"), N_("with"), N_("both"))
HEADS = {N_("3 FC layers"): "fc", N_("pooling"): "pool"}
_SETTINGS = {
    N_("The paper's setting"): VGGSpec(in_channels=3, num_classes=1000),
    N_("The tutorial's setting"): PRESETS["tutorial"].spec,
    N_("Our network for Fashion-MNIST"): PRESETS["best"].spec,
    N_("Our network for photos"): PRESETS["wild"].spec,
}
_FIELDS = by_name(VGGSpec)
_NUMBERS = {"pixels": "image_size", "channels": "in_channels", "classes": "num_classes"}
_KERNELS = (3, 5, 7)
_SLIDERS = {"layers": (1, 6, 3, 1), "maps": (8, 512, 64, 8), "map_side": (7, 224, 56, 7)}


def short_names() -> dict[str, str]:
    """The paper's columns by the names that this page uses."""
    return {each.short_name: each.name for each in CONFIGURATIONS.values()}


def all_names() -> list[str]:
    """… each also with batch norm."""
    return [*short_names(), *(f"{name}-BN" for name in short_names())]


def parameters() -> dict[str, Reader]:
    """What the address may ask of this page."""
    return {
        "view": text,
        "networks": several(short_names()),
        "norm": choice(NORMS),
        "head": choice(HEADS),
        "ratio": choice(WIDTHS),
        **{key: of_field(_FIELDS[name]) for key, name in _NUMBERS.items()},
        **{key: choice(all_names()) for key in ("from", "to", "network")},
        "differs": truth,
        "kernel": choice(_KERNELS),
        **{key: number(low, high) for key, (low, high, *_) in _SLIDERS.items()},
    }


def _setting(spec: VGGSpec) -> dict:
    """The controls' values for a network."""
    return {
        "norm": "with" if spec.batch_norm else "without",
        "head": next(name for name, head in HEADS.items() if head == spec.head),
        "ratio": str(spec.width),
        **{key: getattr(spec, name) for key, name in _NUMBERS.items()},
    }


_DEFAULTS = _setting(_SETTINGS["The paper's setting"])


def controls() -> dict[str, VGGSpec]:
    """Draws the controls; returns the chosen networks by the short name that charts use."""
    names = list(short_names())
    st.pills(
        tr("Networks"),
        names,
        selection_mode="multi",
        default=names,
        key="networks",
        bind="query-params",
        help=tr(
            "The paper's columns {columns}. The number counts weight layers.",
            columns=", ".join(CONFIGURATIONS),
        ),
    )
    left, middle, right = st.columns(3)
    with left:
        _choose(
            tr("Batch norm"),
            NORMS,
            "norm",
            tr("Normalisation between each convolution and its ReLU"),
        )
        _choose(
            tr("Classifier"),
            list(HEADS),
            "head",
            tr(
                "What turns the last maps into classes: the paper's three "
                "fully connected layers, or an average over each map and one "
                "layer"
            ),
        )
    with middle:
        st.select_slider(
            tr("Width"),
            WIDTHS,
            key="ratio",
            bind="query-params",
            value=_DEFAULTS["ratio"],
            help=tr("Every channel count and the FC width are multiplied by this"),
        )
        least, step = (_FIELDS["image_size"].metadata[each] for each in ("low", "step"))
        st.slider(
            tr("Input side, pixels"),
            *_range("pixels"),
            step,
            key="pixels",
            bind="query-params",
            help=tr("At least {least}: five pools halve it five times", least=least),
        )
    with right:
        st.number_input(
            tr("Input channels"),
            *_range("channels"),
            key="channels",
            bind="query-params",
            help=tr("1: grey, 3: colour"),
        )
        st.number_input(tr("Classes"), *_range("classes"), key="classes", bind="query-params")
    with st.container(horizontal=True):
        for name, spec in _SETTINGS.items():
            st.button(tr(name), on_click=st.session_state.update, args=(_setting(spec),))
    return networks()


def _range(key: str) -> tuple[int, int, int]:
    """Least, most and default of a control that is a number."""
    meta = _FIELDS[_NUMBERS[key]].metadata
    return meta["low"], meta["high"], _DEFAULTS[key]


def _choose(label: str, options, key: str, help: str) -> None:
    language.from_address(key, options)
    st.segmented_control(
        label,
        options,
        format_func=tr,
        default=_DEFAULTS[key],
        required=True,
        key=key,
        bind="query-params",
        help=help,
    )


def networks() -> dict[str, VGGSpec]:
    """The chosen networks; widget values come from browsers, so invalid ones are refused.

    Raises ValueError as `VGGSpec` does.
    """
    state = st.session_state
    endings = {"without": ("",), "with": ("-BN",), "both": ("", "-BN")}[state.norm]
    names = [name for name in short_names() if name in state.networks]
    return {name + ending: spec_of(name + ending) for name in names for ending in endings}


def spec_of(name: str) -> VGGSpec:
    """The network with a short name such as "VGG-16-BN", as set here. Raises ValueError."""
    plain = name.removesuffix("-BN")
    state = st.session_state
    return VGGSpec(
        configuration=short_names()[plain],
        batch_norm=name != plain,
        width=state.ratio,
        image_size=state.pixels,
        in_channels=state.channels,
        num_classes=state.classes,
        head=HEADS[state.head],
    )


def two_networks() -> tuple[str, str]:
    """Draws the choice of two networks to compare."""
    left, right = st.columns(2)
    names = all_names()
    before = left.selectbox(tr("From"), names, key="from", bind="query-params")
    after = right.selectbox(tr("To"), names, names.index("VGG-16"), key="to", bind="query-params")
    deeper = [each.short_name for each in CONFIGURATIONS.values() if not each.local_response_norm]
    with st.container(horizontal=True):
        for a, b in pairwise(deeper):
            st.button(f"{a} → {b}", on_click=st.session_state.update, args=({"from": a, "to": b},))
    return before, after


def one_network() -> str:
    """Draws the choice of one network."""
    names = all_names()
    usual = names.index("VGG-16")
    return st.selectbox(tr("Network"), names, usual, key="network", bind="query-params")


def kernels() -> tuple[int, int, int, int]:
    """Draws the controls of the small-kernel explorer: kernel side, layers, channels, map side."""
    left, right = st.columns(2)
    with left:
        kernel = st.select_slider(tr("Kernel side"), _KERNELS, key="kernel", bind="query-params")
        count = _slider(tr("Stacked layers"), "layers")
    with right:
        maps = _slider(tr("Channels in and out"), "maps")
        side = _slider(tr("Map side, pixels"), "map_side")
    return kernel, count, maps, side


def _slider(label: str, key: str) -> int:
    return st.slider(label, *_SLIDERS[key], key=key, bind="query-params")
