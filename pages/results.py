"""Results: where a trained network is right, where it errs, and on which pictures."""

import streamlit as st

from dashboard.results import cost, map
from dashboard.results import panel as panel
from dashboard.shared import downloads, network_choice
from dashboard.shared.internals import through_entry_point
from vggcore import runs
from vggcore.data.raw_files import DataMissing
from vggcore.model.checkpoints import CheckpointError

through_entry_point()
st.title("Results", anchor=False)
st.write("Where a trained network is right, where it errs, and on which pictures.")
available = runs.trained_networks()
names = network_choice.choose(available)

SECTIONS = {
    "Scores": panel.scores,
    "Confusion": panel.confusion,
    "Mistakes": panel.mistakes,
    "Disagreement": panel.disagreement,
    "Map": map.feature_map,
    "Cost": lambda found: cost.cost(found, available),
    "Take away": downloads.show,
}
section = st.segmented_control(
    "What to see",
    SECTIONS,
    default="Scores",
    required=True,
    key="section",
    bind="query-params",
    label_visibility="collapsed",
)
try:
    # Progress bars come and go in a container of their own: if what follows moved by a place,
    # Streamlit 1.67 would lose the tie between its boxes and the address.
    with st.container():
        found = [panel.results_of(name) for name in names]
    SECTIONS[section](found)
except (CheckpointError, DataMissing) as error:
    st.error(str(error))
