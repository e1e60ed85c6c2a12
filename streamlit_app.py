"""The dashboard's entry point: `streamlit run streamlit_app.py`."""

import streamlit as st

st.set_page_config(page_title="VGG dashboard", page_icon=":material/checkroom:", layout="wide")

PAGES = [
    st.Page("pages/overview.py", title="Overview", icon=":material/home:", default=True),
    st.Page("pages/compare.py", title="Compare", icon=":material/table_chart:"),
    st.Page("pages/train.py", title="Train", icon=":material/model_training:"),
    st.Page("pages/classify.py", title="Classify", icon=":material/draw:"),
    st.Page("pages/results.py", title="Results", icon=":material/insights:"),
]

st.navigation(PAGES, position="top").run()
