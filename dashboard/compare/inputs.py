"""The controls of the Compare page, bound to the URL: a copied address shows the same page."""

import streamlit as st

from dashboard.shared import language
from dashboard.shared.language import N_, tr
from vggcore.model.architectures import MIN_IMAGE_SIZE, VGGSpec

NETWORKS = {
    "VGG-11": "A",
    "VGG-11-LRN": "A-LRN",
    "VGG-13": "B",
    "VGG-16-1x1": "C",
    "VGG-16": "D",
    "VGG-19": "E",
}
NORMS = (N_("without"), N_("with"), N_("both"))
RATIOS = ("1/16", "1/8", "1/4", "1/2", "3/4", "1", "3/2", "2")
HEADS = {N_("3 FC layers"): "fc", N_("pooling"): "pool"}
_DEFAULTS: dict = {
    "norm": "without",
    "ratio": "1",
    "pixels": 224,
    "channels": 3,
    "classes": 1000,
    "head": "3 FC layers",
}
_SETTINGS = {
    N_("The paper's setting"): _DEFAULTS,
    N_("The tutorial's setting"): _DEFAULTS | {"ratio": "1/8", "channels": 1, "classes": 10},
}
# Parameters of this page that belong to no control, or whose control is only in some views.
_VIEW_PARAMETERS = (
    *("view", "differs", "from", "to"),
    *("network", "kernel", "layers", "maps", "map_side"),
)


def controls() -> dict[str, VGGSpec]:
    """Draws the controls; returns the chosen networks by the short name that charts use."""
    st.pills(
        tr("Networks"),
        list(NETWORKS),
        selection_mode="multi",
        default=list(NETWORKS),
        key="networks",
        bind="query-params",
        help=tr("The paper's columns A, A-LRN, B, C, D, E. The number counts weight layers."),
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
            RATIOS,
            key="ratio",
            bind="query-params",
            value=_DEFAULTS["ratio"],
            help=tr("Every channel count and the FC width are multiplied by this"),
        )
        st.slider(
            tr("Input side, pixels"),
            MIN_IMAGE_SIZE,
            512,
            _DEFAULTS["pixels"],
            8,
            key="pixels",
            bind="query-params",
            help=tr(
                "At least {least}: five pools halve it five times",
                least=MIN_IMAGE_SIZE,
            ),
        )
    with right:
        st.number_input(
            tr("Input channels"),
            1,
            64,
            _DEFAULTS["channels"],
            key="channels",
            bind="query-params",
            help=tr("1: grey, 3: colour"),
        )
        st.number_input(
            tr("Classes"), 1, 100_000, _DEFAULTS["classes"], key="classes", bind="query-params"
        )
    with st.container(horizontal=True):
        for name, values in _SETTINGS.items():
            st.button(tr(name), on_click=st.session_state.update, args=(values,))
    return networks()


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
    names = [name for name in NETWORKS if name in state.networks]
    return {name + ending: spec_of(name + ending) for name in names for ending in endings}


def asked_for() -> dict[str, list[str]]:
    """What the address said before any control read it; {} after the page was first shown."""
    if "compare_seen" in st.session_state:
        return {}
    st.session_state["compare_seen"] = True
    return {key: st.query_params.get_all(key) for key in st.query_params}


def ignored(asked: dict[str, list[str]]) -> list[str]:
    """The parts of the address, as `key=value`, that differ from what the controls now show."""
    found = []
    for key, values in asked.items():
        if key == language.PARAMETER or (key in _VIEW_PARAMETERS and key not in st.session_state):
            continue
        shown = st.session_state.get(key)
        values_shown = shown if isinstance(shown, list) else [shown]
        texts = [_in_an_address(item) for item in values_shown]
        accepted = {said for text in texts for said in language.in_all_languages(text)}
        found += [f"{key}={value}"[:80] for value in values if value not in accepted]
    return found


def _in_an_address(value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)  # as Streamlit writes it


def spec_of(name: str) -> VGGSpec:
    """The network with a short name such as "VGG-16-BN", as set here. Raises ValueError."""
    plain = name.removesuffix("-BN")
    state = st.session_state
    return VGGSpec(
        configuration=NETWORKS[plain],
        batch_norm=name != plain,
        width=state.ratio,
        image_size=state.pixels,
        in_channels=state.channels,
        num_classes=state.classes,
        head=HEADS[state.head],
    )


ALL_NAMES = [*NETWORKS, *(f"{name}-BN" for name in NETWORKS)]
STEPS = (
    ("VGG-11", "VGG-13"),
    ("VGG-13", "VGG-16-1x1"),
    ("VGG-16-1x1", "VGG-16"),
    ("VGG-16", "VGG-19"),
)


def two_networks() -> tuple[str, str]:
    """Draws the choice of two networks to compare."""
    left, right = st.columns(2)
    before = left.selectbox(tr("From"), ALL_NAMES, key="from", bind="query-params")
    after = right.selectbox(tr("To"), ALL_NAMES, 4, key="to", bind="query-params")
    with st.container(horizontal=True):
        for a, b in STEPS:
            st.button(f"{a} → {b}", on_click=st.session_state.update, args=({"from": a, "to": b},))
    return before, after


def one_network() -> str:
    """Draws the choice of one network."""
    return st.selectbox(tr("Network"), ALL_NAMES, 4, key="network", bind="query-params")


def kernels() -> tuple[int, int, int, int]:
    """Draws the controls of the small-kernel explorer: kernel side, layers, channels, map side."""
    left, right = st.columns(2)
    with left:
        kernel = st.select_slider(tr("Kernel side"), (3, 5, 7), key="kernel", bind="query-params")
        count = st.slider(tr("Stacked layers"), 1, 6, 3, key="layers", bind="query-params")
    with right:
        maps = st.slider(tr("Channels in and out"), 8, 512, 64, 8, key="maps", bind="query-params")
        side = st.slider(tr("Map side, pixels"), 7, 224, 56, 7, key="map_side", bind="query-params")
    return kernel, count, maps, side
