"""Overview: what this is, and where to go."""

import streamlit as st

from dashboard.shared.internals import through_entry_point
from vggcore.model import checkpoints

through_entry_point()
st.title("VGG networks on clothing")
st.markdown(
    "VGG networks are stacks of small convolutions: easy to read, and strong at seeing. "
    "This dashboard shows how its variants differ, trains one while you watch, and tries it on "
    "clothes that you draw or photograph. "
    "Every number is measured or computed here, and the network says when it is unsure."
)

DESTINATIONS = (
    (
        "pages/compare.py",
        "Compare",
        ":material/table_chart:",
        "Parameters, shapes and cost of VGG-11 to VGG-19, side by side; turn any knob.",
    ),
    (
        "pages/train.py",
        "Train",
        ":material/model_training:",
        "Start a run in the background, watch it learn, stop it, go on later, compare runs.",
    ),
    (
        "pages/classify.py",
        "Classify",
        ":material/draw:",
        "Draw a garment, upload a photo or take a sample, and see what the network makes of it.",
    ),
    (
        "pages/results.py",
        "Results",
        ":material/insights:",
        "Where a trained network is right, where it errs, and on which pictures.",
    ),
)

for column, (page, title, icon, text) in zip(st.columns(4), DESTINATIONS, strict=True):
    with column.container(border=True, height="stretch"):
        st.subheader(f"{icon} {title}")
        st.write(text)
        st.page_link(page, label=f"Open {title}", icon=":material/arrow_forward:")

st.subheader("Networks that come with it")
names = checkpoints.available()
if not names:
    st.info("None yet: train one on the Train page.")
for name in names:
    try:
        card = checkpoints.read_card(name)
    except checkpoints.CheckpointError as error:
        st.warning(str(error), icon=":material/broken_image:")
        continue
    facts = [card.network, f"{card.parameters or 0:,} parameters"]
    if card.test_accuracy is not None:
        facts.append(f"right on {card.test_accuracy:.2%} of Fashion-MNIST's test images")
    st.markdown(f"**{name}**: " + ", ".join(fact for fact in facts if fact))
