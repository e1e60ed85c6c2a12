"""The dashboard's entry point: `streamlit run streamlit_app.py`."""

from pathlib import Path

import streamlit as st

from dashboard.shared import deployment, internals, language, public_server
from dashboard.shared.language import tr

# A file of our own: visitors' browsers would fetch a named icon from another site.
ICON = Path(__file__).parent / "dashboard" / "assets" / "icon.png"
st.set_page_config(page_title="VGG dashboard", page_icon=ICON, layout="wide")

PAGES = [
    st.Page("pages/overview.py", title=tr("Overview"), icon=":material/home:", default=True),
    st.Page("pages/learn.py", title=tr("Learn"), icon=":material/school:"),
    st.Page("pages/compare.py", title=tr("Compare"), icon=":material/table_chart:"),
    st.Page("pages/train.py", title=tr("Train"), icon=":material/model_training:"),
    st.Page("pages/classify.py", title=tr("Classify"), icon=":material/draw:"),
    st.Page("pages/results.py", title=tr("Results"), icon=":material/insights:"),
]
limits = deployment.limits()
public_server.end_sessions_in_time()
if limits.public:
    public_server.guard(limits)
else:
    PAGES += [
        st.Page("pages/pictures.py", title=tr("Your pictures"), icon=":material/photo_library:"),
        st.Page("pages/machine.py", title=tr("This machine"), icon=":material/memory:"),
    ]

page = st.navigation(PAGES, position="top")
internals.style()
internals.keep_address_on_leaving()
internals.close_menu_on_leaving()
internals.choose_by_tap()
language.switch()
page.run()
language.forget_kept()
