"""Ray's job API, imitated by a small server that answers like it, or not at all."""

import json
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from vggcore.runs.cluster.jobs import Job, Jobs, Unreachable
from vggcore.runs.cluster.settings import Cluster
from vggcore.runs.names import RunError


@contextmanager
def server(answers: dict[str, tuple[int, str] | list[tuple[int, str]]], seconds: float = 0.0):
    """Answers by "METHOD path", lists one by one; yields a client, and what it asked for.

    seconds: how long a POST takes.
    """
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            length = int(self.headers.get("Content-Length") or 0)
            asked.append((self.command, self.path, self.rfile.read(length), self.headers))
            said = answers.get(f"{self.command} {self.path}", (404, "no such job"))
            code, text = said.pop(0) if isinstance(said, list) else said
            if self.command == "POST":
                time.sleep(seconds)
            with suppress(BrokenPipeError):  # the client has given up
                self.send_response(code)
                self.end_headers()
                self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *_):
            pass

    running = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    address = f"http://127.0.0.1:{running.server_port}"
    try:
        yield Jobs(Cluster(address=address, store="/s", headers={"X-Team": "t"})), asked
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


def test_a_job_is_submitted_with_what_it_reserves():
    with server({"POST /api/jobs/": (200, "{}")}) as (jobs, asked):
        jobs.submit(
            "a-1", "python -m x", {"working_dir": "gcs://p.zip"}, {"entrypoint_num_gpus": 1}
        )

    (method, _, content, headers), *_ = asked
    wish = json.loads(content)
    assert wish["submission_id"] == "a-1" and wish["entrypoint_num_gpus"] == 1
    assert headers["X-Team"] == "t" and method == "POST"


def test_a_job_that_is_there_already_is_not_submitted_twice():
    answers = {
        "POST /api/jobs/": (500, "Traceback…\nValueError: Job with submission_id a-1 exists"),
        "GET /api/jobs/a-1": (200, '{"status": "RUNNING", "message": "Job is\\n running."}'),
    }
    with server(answers) as (jobs, _):
        jobs.submit("a-1", "python", {}, {})

        assert jobs.find("a-1") == Job("RUNNING", "Job is running.")
        assert jobs.find("b-1") is None and jobs.log("b-1") == ""


def test_a_refusal_is_one_line_and_says_why():
    answers = {"POST /api/jobs/": (500, "Traceback\n  File x\nValueError: no such package\n")}
    with server(answers) as (jobs, _):
        with pytest.raises(RunError, match=r"refused \(HTTP 500\): ValueError: no such package"):
            jobs.submit("a-1", "python", {}, {})


def test_a_cluster_that_is_starting_is_asked_again(monkeypatch):
    monkeypatch.setattr("vggcore.runs.cluster.jobs._NEXT_TRY", 0.0)
    busy = (500, "No available agent to submit job, please try again later.")
    deaf = (500, "Traceback\nClientConnectorError: Cannot connect to host 10.0.0.1:52365")
    answers = {"POST /api/jobs/": [busy, deaf, (200, "{}")]}
    with server(answers) as (jobs, asked):
        jobs.submit("a-1", "python", {}, {})
    assert len([one for one in asked if one[0] == "POST"]) == 3

    monkeypatch.setattr("vggcore.runs.cluster.jobs._SUBMIT_PATIENCE", 0.1)  # _PATIENCE for each
    with server({"POST /api/jobs/": busy}) as (jobs, _):
        with pytest.raises(RunError, match="No available agent"):
            jobs.submit("a-1", "python", {}, {})


def test_an_answer_that_came_too_late_is_no_failure(monkeypatch):
    """The cluster took the job, but we had given up waiting: we ask whether it has the job."""
    for patience in ("_SUBMIT_PATIENCE", "_PATIENCE"):
        monkeypatch.setattr(f"vggcore.runs.cluster.jobs.{patience}", 0.2)
    pending = {"GET /api/jobs/a-1": (200, '{"status": "PENDING"}')}
    with server(pending | {"POST /api/jobs/": (200, "{}")}, seconds=0.5) as (jobs, _):
        jobs.submit("a-1", "python", {}, {})


@pytest.mark.parametrize(
    "code, text, message, unreachable",
    [
        (401, "", "does not let us in .HTTP 401.: check VGGCORE_RAY_TOKEN", False),
        (503, "", "gives no answer: HTTP 503", True),
        (200, "<html>", "is not Ray's job API: check its address", False),
        (200, "[1]", "is not Ray's job API: check its address", False),
    ],
)
def test_what_answers_strangely_is_told_apart(code, text, message, unreachable):
    with server({"GET /api/jobs/a-1": (code, text)}) as (jobs, _):
        with pytest.raises(RunError, match=message) as told:
            jobs.find("a-1")
    assert isinstance(told.value, Unreachable) == unreachable


def test_a_redirect_is_a_refusal_and_the_token_goes_nowhere():
    with server({}) as (_, asked_elsewhere), server({}) as (jobs, asked):
        jobs.find("warm")
    answers = {"GET /api/jobs/a-1": (302, "")}
    with server(answers) as (jobs, asked):
        with pytest.raises(RunError, match=r"refused \(HTTP 302\)"):
            jobs.find("a-1")
    assert len(asked) == 1 and asked_elsewhere == []


def test_after_no_answer_nobody_waits_again_at_once(monkeypatch):
    with server({}) as (jobs, _):
        pass
    for _ in range(2):
        with pytest.raises(Unreachable):
            jobs.find("a-1")
    monkeypatch.setattr(jobs, "_silent_until", 0.0)
    monkeypatch.setattr("vggcore.runs.cluster.jobs._OPENER", None)
    with pytest.raises(AttributeError):  # it does try to ask again
        jobs.find("a-1")


def test_a_cluster_that_is_gone_is_named_without_its_whole_address():
    with server({}) as (jobs, _):
        pass
    with pytest.raises(Unreachable, match="the cluster at 127.0.0.1 gives no answer: ") as told:
        jobs.find("a-1")
    assert len(str(told.value).splitlines()) == 1
