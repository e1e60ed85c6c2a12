"""Exit code 0 when the dashboard in this container answers."""

import os
import urllib.request

path = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
address = "/".join(filter(None, ["http://127.0.0.1:8501", path, "_stcore/health"]))
urllib.request.urlopen(address, timeout=4)  # raises where there is no answer, or an error
