"""Ray's job API over plain HTTP: submit, find, stop, read the log. Does not need `ray`.

TrainingData: https://docs.ray.io/en/latest/cluster/running-applications/job-submission/rest.html
"""

import json
import time
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, Request, build_opener

from vggcore.machine.files import parse_json
from vggcore.machine.messages import Message
from vggcore.runs.cluster.settings import Cluster
from vggcore.runs.names import RunError

_PATIENCE = 10.0  # seconds to wait for an answer
_UPLOAD_PATIENCE = 120.0
# A cluster's first job starts Ray's job agent: 2.5 s on an idle node, far more on a busy one.
_SUBMIT_PATIENCE = 60.0
_NEXT_TRY = 0.5  # seconds
_PACKAGE_PATIENCE = 30.0
# Ray's words while the agent is starting: not known yet, or known and not listening.
_NO_AGENT = ("No available agent", "Cannot connect to host", "Server disconnected")
_SILENT_SECONDS = 3.0  # pause after no answer, before the next attempt
_ALIVE = ("PENDING", "RUNNING")


class _NoRedirects(HTTPRedirectHandler):
    """Treats a redirect as a refusal: our token is for this address alone."""

    def redirect_request(self, *_, **__):
        return None


_OPENER = build_opener(_NoRedirects)


class Unreachable(RunError):
    """The cluster did not answer: its current state is unknown."""


@dataclass(frozen=True)
class Job:
    """What Ray says about a job."""

    state: str  # PENDING, RUNNING, STOPPED, SUCCEEDED or FAILED
    message: str = ""

    @property
    def alive(self) -> bool:
        return self.state in _ALIVE


class Jobs:
    """The jobs of one cluster. All methods raise Unreachable or RunError, in one line."""

    def __init__(self, cluster: Cluster):
        self.cluster = cluster
        self._silence: Unreachable | None = None
        self._silent_until = float("-inf")

    def submit(self, job: str, entrypoint: str, runtime_env: dict, resources: dict) -> None:
        """Submit a job under its own id. If a job with this id already exists, that will do.

        A cluster that is still starting gets a minute to accept it.
        """
        wish = {
            "entrypoint": entrypoint,
            "submission_id": job,
            "runtime_env": runtime_env,
            "metadata": {"job_name": job},
            **resources,
        }
        deadline = time.monotonic() + _SUBMIT_PATIENCE
        while True:
            try:
                left = max(_PATIENCE, deadline - time.monotonic())
                self._ask("POST", "/api/jobs/", json.dumps(wish).encode(), left)
                return
            except RunError as error:
                # The answer was lost although the job exists, or another process was first.
                self._silence = None  # so that this question is asked at once
                if self.find(job) is not None:
                    return
                starting = any(words in str(error) for words in _NO_AGENT)
                if not starting or time.monotonic() >= deadline:
                    raise
            time.sleep(_NEXT_TRY)

    def find(self, job: str) -> Job | None:
        """The state of a job; None if the cluster does not know it."""
        answer = self._ask("GET", f"/api/jobs/{quote(job)}", missing=True)
        if answer is None:
            return None
        try:
            values = parse_json(answer)
            return Job(str(values["status"]), " ".join(str(values.get("message") or "").split()))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self._strange() from None

    def stop(self, job: str) -> None:
        """Ask Ray to end a job: SIGTERM, and SIGKILL a few seconds later."""
        self._ask("POST", f"/api/jobs/{quote(job)}/stop", missing=True)

    def forget(self, job: str) -> None:
        """Delete Ray's record of an ended job."""
        self._ask("DELETE", f"/api/jobs/{quote(job)}", missing=True)

    def log(self, job: str) -> str:
        """What the job has printed; empty if the cluster does not know it."""
        answer = self._ask("GET", f"/api/jobs/{quote(job)}/logs", missing=True)
        try:
            return str(parse_json(answer)["logs"] or "") if answer else ""
        except (ValueError, KeyError, TypeError):
            return ""

    def has_package(self, name: str) -> bool:
        """Whether the cluster has a code package of this name."""
        path = f"/api/packages/gcs/{quote(name)}"
        return self._ask("GET", path, patience=_PACKAGE_PATIENCE, missing=True) is not None

    def upload_package(self, name: str, content: bytes) -> None:
        """Give the cluster a code package; jobs name it as `gcs://NAME`."""
        self._ask("PUT", f"/api/packages/gcs/{quote(name)}", content, _UPLOAD_PATIENCE)

    def _ask(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        patience: float = _PATIENCE,
        missing: bool = False,
    ) -> bytes | None:
        """The answer's body. missing: return None for "not found" instead of raising."""
        if self._silence is not None and time.monotonic() < self._silent_until:
            raise self._silence  # so that asking for many runs does not wait for each one
        headers = {"Content-Type": "application/json", **self.cluster.headers}
        request = Request(self.cluster.address + path, content, headers, method=method)
        try:
            with _OPENER.open(request, timeout=patience) as answer:
                return answer.read()
        except HTTPError as error:
            with error:
                if error.code == 404 and missing:
                    return None
                if error.code in (502, 503, 504):  # from a gateway in front of the cluster
                    raise self._unreachable(f"HTTP {error.code}") from None
                raise self._refused(error) from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            cause = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
            raise self._unreachable(cause) from None

    def _unreachable(self, reason: str) -> Unreachable:
        host = self.cluster.host
        self._silence = Unreachable(
            Message("the cluster at {host} gives no answer: {reason}", host=host, reason=reason)
        )
        self._silent_until = time.monotonic() + _SILENT_SECONDS
        return self._silence

    def _refused(self, error: HTTPError) -> RunError:
        host = self.cluster.host
        if error.code in (401, 403):
            return RunError(
                Message(
                    "the cluster at {host} does not let us in (HTTP {code}): check {token}",
                    host=host,
                    code=error.code,
                    token="VGGCORE_RAY_TOKEN",
                )
            )
        lines = [line.strip() for line in _text(error).splitlines() if line.strip()]
        cause = lines[-1][:200] if lines else str(error.reason)
        return RunError(
            Message(
                "the cluster at {host} refused (HTTP {code}): {reason}",
                host=host,
                code=error.code,
                reason=cause,
            )
        )

    def _strange(self) -> RunError:
        host = self.cluster.host
        return RunError(
            Message("what answers at {host} is not Ray's job API: check its address", host=host)
        )


def _text(error: HTTPError) -> str:
    """The text of a refusal; Ray sends a traceback, whose last line names the error."""
    try:
        return error.read().decode("utf-8", "replace")
    except (OSError, HTTPException):
        return ""
