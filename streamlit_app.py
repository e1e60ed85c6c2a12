"""The dashboard's entry point: `streamlit run streamlit_app.py`."""

from pathlib import Path

import streamlit as st

from dashboard.shared import deployment, internals

# A file of our own: visitors' browsers would fetch a named icon from elsewhere.
ICON = Path(__file__).parent / "dashboard" / "assets" / "icon.png"
st.set_page_config(page_title="VGG dashboard", page_icon=ICON, layout="wide")

PAGES = [
    st.Page("pages/overview.py", title="Overview", icon=":material/home:", default=True),
    st.Page("pages/learn.py", title="Learn", icon=":material/school:"),
    st.Page("pages/compare.py", title="Compare", icon=":material/table_chart:"),
    st.Page("pages/train.py", title="Train", icon=":material/model_training:"),
    st.Page("pages/classify.py", title="Classify", icon=":material/draw:"),
    st.Page("pages/results.py", title="Results", icon=":material/insights:"),
]
if not deployment.limits().public:
    PAGES.append(st.Page("pages/machine.py", title="This machine", icon=":material/memory:"))

page = st.navigation(PAGES, position="top")
internals.keep_address_on_leaving()
page.run()
