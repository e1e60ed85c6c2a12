"""The Results page's map: test images, and the visitor's drawing, in feature space."""

import numpy as np
import streamlit as st

from dashboard.results import charts as charts
from dashboard.results.panel import gallery
from dashboard.shared import cpu_share, formatting
from dashboard.shared.language import paragraph, tr
from dashboard.shared.network_choice import label_of
from vggcore.answers.results import Results
from vggcore.pictures.strokes import StrokeError, parse_strokes, render

_MAP = "results-map"


def feature_map(networks: list[Results]) -> None:
    """Test images placed by the network's last features."""
    network = networks[0]
    own = drawing_place(network)
    count = len(network.map.places)
    event = st.plotly_chart(
        charts.feature_map(
            network.map.places,
            network.labels[:count],
            network.logits[:count].argmax(1),
            [tr(name) for name in network.card.classes],
            own,
        ),
        key=_MAP,
        on_select="rerun",
        selection_mode="points",
        config={"displayModeBar": False},
        alt=tr(
            "{count} test images; those that {name} finds alike lie together",
            count=count,
            name=label_of(network.name),
        ),
    )
    about = [
        tr(
            "The first {count:,} test images as {name} sees them: images with similar "
            "features lie together (t-SNE; only nearness means something). Red rings are "
            "mistakes. Click a point to see its picture.",
            count=count,
            name=formatting.plain(label_of(network.name)),
        )
    ]
    if own is None:
        about.append(tr("Draw on the Classify page, and your drawing is a star here."))
    st.caption(paragraph(*about))
    match event["selection"]["points"]:
        case [{"customdata": [int(index)]}, *_] if 0 <= index < count:
            gallery(network, [index])


def drawing_place(network: Results) -> np.ndarray | None:
    """Where the visitor's last drawing lies on the map [2]; None without a drawing."""
    try:
        strokes = parse_strokes(st.session_state.get("drawing") or "")
    except StrokeError:
        return None
    if not strokes:
        return None
    from vggcore.answers import making_results  # with PyTorch: only for visitors who drew
    from vggcore.answers.classifier import load_classifier

    cpu_share.share()
    classifier = load_classifier(network.name)
    inputs = classifier.network_input(classifier.prepare(render(strokes)).network_input)
    features, _ = making_results.last_features(classifier.network, inputs)
    return network.map.place(features[0].numpy())[0]
