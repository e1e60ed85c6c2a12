"""Results: where a trained network is right, where it is wrong, and on which pictures."""

import streamlit as st

from dashboard.results import cost, map, panel
from dashboard.shared import address, copy_link, downloads, language, network_choice
from dashboard.shared.internals import through_entry_point
from dashboard.shared.language import N_, sentence, tr
from vggcore import runs
from vggcore.data.raw_files import DataMissing
from vggcore.model.checkpoints import CheckpointError

through_entry_point()
address.take(panel.PARAMETERS)
copy_link.title(tr("Results"))
st.write(tr("Where a trained network is right, where it errs, and on which pictures."))
available = runs.trained_networks()
names = network_choice.choose(available)

SECTIONS = {
    N_("Scores"): panel.scores,
    N_("Confusion"): panel.confusion,
    N_("Mistakes"): panel.mistakes,
    N_("Disagreement"): panel.disagreement,
    N_("Map"): map.feature_map,
    N_("Cost"): lambda results: cost.cost(results, available),
    N_("Download"): downloads.show,
}
language.from_address("section", SECTIONS)
section = st.segmented_control(
    tr("What to show"),
    SECTIONS,
    format_func=tr,
    default="Scores",
    required=True,
    key="section",
    bind="query-params",
    label_visibility="collapsed",
)
# Each section has a place of its own: at the same one, Streamlit would show the section before it
# until the new one has been made.
places = {name: st.container() if name == section else st.empty() for name in SECTIONS}
try:
    # Progress bars come and go in their own container: if what follows moved by one position,
    # Streamlit 1.67 would lose the link between its boxes and the address.
    with places[section]:
        with st.container():
            results = [panel.results_of(name) for name in names]
        if results[0].card.classes != results[-1].card.classes:
            st.info(tr("These two networks name different classes: only the first is shown."))
            results = results[:1]
        SECTIONS[section](results)
except (CheckpointError, DataMissing) as error:
    st.error(sentence(error))
