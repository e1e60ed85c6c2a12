"""What strangers may do beneath the pages, on Streamlit's own routes and sessions."""

import asyncio
import logging
from types import SimpleNamespace

import pytest
import streamlit as st
from starlette.routing import Route, Router
from streamlit import config, runtime
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.stats import StatsManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager
from streamlit.web.server.starlette import starlette_routes

from dashboard.shared import public_server
from vggcore.runs.limits import Limits

LIMITS = Limits(public=True, session_bytes=4_000, uploaded_bytes=6_000)
BOUNDARY = b"--x"


@pytest.fixture(autouse=True)
def restored(monkeypatch):
    """Streamlit and Starlette unguarded, and after each test as they were."""
    # A page that another test showed on a public server may have guarded it already.
    monkeypatch.setattr(Route, "handle", getattr(Route.handle, "__wrapped__", Route.handle))
    manager = WebsocketSessionManager
    monkeypatch.setattr(manager, "disconnect_session", manager.disconnect_session)
    before = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(before)


@pytest.fixture
def server(monkeypatch):
    """Streamlit's own routes for uploads and metrics, guarded; sends one request and answers."""
    files = MemoryUploadedFileManager("/_stcore/upload_file")
    stats = StatsManager()
    stats.register_provider(files)
    instance = SimpleNamespace(
        uploaded_file_mgr=files, is_active_session=lambda _: True, stats_mgr=stats
    )
    monkeypatch.setattr(runtime, "get_instance", lambda: instance)
    option = config.get_option
    off = "server.enableXsrfProtection"  # the requests here come from no page
    monkeypatch.setattr(config, "get_option", lambda name: name != off and option(name))
    routes = starlette_routes.create_upload_routes(instance, files, None)
    app = Router([*routes, *starlette_routes.create_metrics_routes(instance, None)])
    public_server.guard(LIMITS)
    public_server.guard(LIMITS)  # as every page does

    def ask(method: str, path: str, size: int = 0, announced: bool = True) -> int:
        head = b'Content-Disposition: form-data; name="file"; filename="a.png"'
        lines = [BOUNDARY, head, b"", b"\0" * size, BOUNDARY + b"--", b""]
        body = b"\r\n".join(lines) if size else b""
        headers = [(b"content-type", b"multipart/form-data; boundary=x")]
        headers += [(b"content-length", str(len(body)).encode())] if announced else []
        scope = {"type": "http", "method": method, "path": path, "headers": headers}
        sent: list[dict] = []
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive():
            return unread.pop() if unread else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        asyncio.run(app(scope | {"query_string": b""}, receive, send))
        return sent[0]["status"]

    ask.files = files
    return ask


def put(server, session: str, number: int, size: int = 1_500, **others) -> int:
    return server("PUT", f"/_stcore/upload_file/{session}/{number}", size, **others)


def test_uploads_are_capped_for_each_session_and_for_all(server):
    assert [put(server, "one", n) for n in range(4)] == [204, 204, 413, 413]
    assert [put(server, "two", n) for n in range(4)] == [204, 413, 413, 413]
    kept = {name: len(some) for name, some in server.files.file_storage.items()}
    assert kept == {"one": 2, "two": 1}

    server("DELETE", "/_stcore/upload_file/one/0")
    server.files.remove_session_files("two")

    assert put(server, "one", 5) == 204


def test_an_upload_that_does_not_announce_its_size_counts_as_the_largest(server):
    assert put(server, "one", 1, announced=False) == 413


def test_a_public_server_keeps_its_metrics_to_itself(server):
    assert server("GET", "/_stcore/metrics") == 404


def test_no_error_writes_a_request_into_the_log(caplog):
    public_server._shorten_log()
    public_server._shorten_log()
    log = logging.getLogger("streamlit.forged")
    for _ in range(3):
        try:
            raise ValueError("x" * 100_000)
        except ValueError:
            log.exception("Error processing back message")
    log.warning("rejected: %s", "y" * 100_000)

    entries = [logging.Formatter().format(record) for record in caplog.records]
    assert all(len(entry) < 4_000 for entry in entries)
    assert ["Traceback" in entry for entry in entries] == [True, False, False, False]


class _Session:
    """As much of a session as its manager uses, with what it keeps."""

    id = "one"

    def __init__(self, files):
        self.session_state, self._files = {"pictures": b"some"}, files

    def shutdown(self):
        self._files.remove_session_files(self.id)

    def is_resumable(self):
        return True

    request_script_stop = disconnect_file_watchers = clear_session_caches = lambda self: None


@pytest.mark.parametrize("comes_back", [False, True])
def test_what_a_session_holds_is_freed_once_it_has_been_gone_for_its_time(comes_back, monkeypatch):
    public_server.end_sessions_in_time()
    public_server.end_sessions_in_time()
    monkeypatch.setattr(st, "get_option", lambda name: 0.0)
    files = MemoryUploadedFileManager("")
    files.add_file("one", UploadedFileRec("1", "a.png", "image/png", b"some"))
    scripts = SimpleNamespace(clear=lambda: None)
    manager = WebsocketSessionManager(MemorySessionStorage(), files, scripts, None)
    session = _Session(files)
    info = SimpleNamespace(session=session, client=None, script_run_count=0)

    async def leave():
        manager._active_session_info_by_id["one"] = info
        manager.disconnect_session("one")
        if comes_back:
            manager._active_session_info_by_id["one"] = info
        await asyncio.sleep(0)  # what is due by now has been called
        await asyncio.sleep(0)

    asyncio.run(leave())

    assert bool(files.file_storage) == bool(session.session_state) == comes_back
