"""Entry point for Streamlit Community Cloud: the dashboard with the limits of a public one.

It stands beside `streamlit_app.py` because Streamlit finds pages relative to the entry point.
"""

import os
import runpy
from pathlib import Path

os.environ.setdefault("VGGCORE_PUBLIC", "1")
runpy.run_path(str(Path(__file__).with_name("streamlit_app.py")))
