"""What the server does for strangers beneath the pages: uploads, metrics, its log, its memory.

Streamlit 1.67 has settings for none of it, so this relies on its private pieces, and on
Starlette's. Each function does nothing the second time, and nothing if an update has removed what
it relies on; `tests/dashboard/test_public_server.py` notices that first.
"""

import asyncio
import logging
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps

import streamlit as st

from vggcore.runs.limits import Limits

_METRICS, _UPLOAD = "/_stcore/metrics", "/_stcore/upload_file/"
_TOO_MUCH, _NOT_FOUND = 413, 404
_LONGEST_ENTRY = 3_000  # characters of a log entry
_SAME_SECONDS = 60.0  # how long the same error is logged in one line
_LOGGERS = ("streamlit", "uvicorn.error")


def guard(limits: Limits) -> None:
    """Cap uploads, hide the metrics and shorten the log of a public server."""
    try:
        from starlette.responses import Response
        from starlette.routing import Route
    except ImportError:
        return
    _shorten_log()
    if hasattr(Route.handle, "guarded"):
        return
    answer, uploads = Route.handle, _Uploads(limits)

    @wraps(answer)
    async def guarded(self, scope, receive, send) -> None:
        refused = 0
        if scope["path"].endswith(_METRICS):
            refused = _NOT_FOUND
        elif _UPLOAD in scope["path"] and scope["method"] == "PUT":
            with uploads.reserved(scope) as fits:
                if fits:
                    await answer(self, scope, receive, send)
                    return
            refused = _TOO_MUCH
        if refused:
            await Response(status_code=refused)(scope, receive, send)
        else:
            await answer(self, scope, receive, send)

    guarded.guarded = True  # type: ignore[attr-defined]
    Route.handle = guarded  # type: ignore[method-assign]


class _Uploads:
    """How much more may be uploaded, by one session and by all."""

    def __init__(self, limits: Limits):
        self._limits = limits
        self._arriving: dict[str, int] = defaultdict(int)  # bytes, by session

    @contextmanager
    def reserved(self, scope) -> Iterator[bool]:
        """Whether this upload fits; its size is reserved for the block, in which it is received."""
        session = str(scope.get("path_params", {}).get("session_id", ""))
        size = _announced(scope)
        stored_bytes = _kept_bytes()
        own = stored_bytes.get(session, 0) + self._arriving[session] + size
        total = sum(stored_bytes.values()) + sum(self._arriving.values()) + size
        fits = own <= self._limits.session_bytes and total <= self._limits.uploaded_bytes
        self._arriving[session] += size if fits else 0
        try:
            yield fits
        finally:
            self._arriving[session] -= size if fits else 0
            if not self._arriving[session]:
                del self._arriving[session]


def _announced(scope) -> int:
    """The size of a request's body; without a valid announcement, the largest that is received."""
    text = dict(scope["headers"]).get(b"content-length", b"").decode("ascii", "replace")
    most = st.get_option("server.maxUploadSize") * 1024 * 1024
    return int(text) if text.isdecimal() and len(text) < 16 else most


def _kept_bytes() -> dict[str, int]:
    """Bytes of the uploads that the server keeps, by session."""
    from streamlit import runtime

    files = getattr(runtime.get_instance().uploaded_file_mgr, "file_storage", {})
    return {
        session: sum(len(file.data) for file in list(some.values()))
        for session, some in list(files.items())
    }


def _shorten_log() -> None:
    """Cut what a request can write to the log, above all tracebacks with its own content."""
    make = logging.getLogRecordFactory()
    if hasattr(make, "shortened"):
        return
    last: dict[tuple, float] = {}  # when an error was last logged in full, by type and place

    def shortened(name, *others, **more) -> logging.LogRecord:
        record = make(name, *others, **more)
        if not name.startswith(_LOGGERS):
            return record
        if record.exc_info and record.exc_info[0]:
            kind, error, trace = record.exc_info
            steps = traceback.extract_tb(trace, limit=-1)
            place = kind, *((step.filename, step.lineno) for step in steps)
            now = time.monotonic()
            again = now - last.get(place, -_SAME_SECONDS) < _SAME_SECONDS
            last[place] = last.get(place, now) if again else now
            lines = traceback.format_exception_only(kind, error) if again else None
            record.exc_text = _cut("".join(lines or traceback.format_exception(kind, error, trace)))
        if len(message := record.getMessage()) > _LONGEST_ENTRY:
            record.msg, record.args = _cut(message), ()
        return record

    shortened.shortened = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(shortened)


def _cut(text: str) -> str:
    if len(text) <= _LONGEST_ENTRY:
        return text
    half = _LONGEST_ENTRY // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters …\n{text[-half:]}"


def end_sessions_in_time() -> None:
    """Free what a session holds once `server.disconnectedSessionTTL` has passed without it.

    Streamlit drops a session only when another one comes or goes, and its uploads and pictures
    only when Python happens to search for garbage.
    """
    try:
        from streamlit.runtime.websocket_session_manager import WebsocketSessionManager as Manager
    except ImportError:
        return
    disconnect = Manager.disconnect_session
    if hasattr(disconnect, "ends"):
        return
    left: dict[str, float] = {}  # when a session was last left

    def end(manager, session, when: float) -> None:
        if left.get(session.id) != when:
            return  # it came back, and was left again later
        del left[session.id]
        if manager.is_active_session(session.id):
            return
        manager.close_session(session.id)
        session.shutdown()  # Streamlit may have forgotten it a moment ago
        session.session_state.clear()

    @wraps(disconnect)
    def disconnect_session(self, session_id: str) -> None:
        info = self.get_active_session_info(session_id)
        disconnect(self, session_id)
        if info is None:
            return
        loop = asyncio.get_running_loop()
        when = left[session_id] = loop.time()
        patience = st.get_option("server.disconnectedSessionTTL")
        loop.call_later(patience, end, self, info.session, when)

    disconnect_session.ends = True  # type: ignore[attr-defined]
    Manager.disconnect_session = disconnect_session  # type: ignore[method-assign]
