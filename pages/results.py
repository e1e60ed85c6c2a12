"""Results: where a trained network is right, where it errs, and on which pictures."""

import streamlit as st

from dashboard import results_charts as charts
from dashboard.classify_panel import network_names
from dashboard.entry import through_entry_point
from vggcore import results
from vggcore.checkpoints import CheckpointError
from vggcore.classes import CLASSES
from vggcore.data import DataMissing

through_entry_point()
st.title("Results")
st.write("Where a trained network is right, where it errs, and on which pictures.")
available = network_names()
if not available:
    st.info("There is no network yet: train one on the Train page.")
    st.stop()
name = st.selectbox("Network", available, key="results-network", bind="query-params")
try:
    found = results.cached(name)
    if found is None:
        progress = st.progress(0.0, "Classifying the test images, once for this network …")
        found = results.compute(name, lambda share: progress.progress(min(share, 1.0)))
        progress.empty()
except (CheckpointError, DataMissing) as error:
    st.error(str(error))
    st.stop()
scores = found.scores
st.metric("Test accuracy", f"{scores['accuracy']:.2%}")
st.plotly_chart(charts.confusion(scores["confusion"], list(CLASSES)), key="confusion")
