"""Uploaded pictures stay in memory: nothing of a visitor's is written to disk."""

from starlette.formparsers import MultiPartParser
from streamlit.config import get_option


def keep_in_memory() -> None:
    """Stop the web server from parking uploads over 1 MB in temporary files while they arrive.

    Every upload up to the configured limit then stays in memory; larger ones are refused anyway.
    """
    MultiPartParser.spool_max_size = (get_option("server.maxUploadSize") + 1) * 1024 * 1024
