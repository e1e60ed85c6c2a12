"""Which cluster and which store this installation uses, from environment variables.

| variable | what |
|---|---|
| `VGGCORE_RAY` | address of the cluster's dashboard, such as `http://ray-head:8265` |
| `VGGCORE_RAY_TOKEN` | sent as a bearer token; optional |
| `VGGCORE_RAY_HEADERS` | further headers, a JSON object; optional |
| `VGGCORE_RAY_GPUS`, `VGGCORE_RAY_CPUS` | what a run reserves for each process (1 and 1) |
| `VGGCORE_RAY_RUNTIME_ENV` | more of Ray's `runtime_env`, a JSON object; optional |
| `VGGCORE_STORE` | an fsspec URL: a shared folder, `s3://bucket/folder`, `sftp://host/folder` |
| `VGGCORE_STORE_OPTIONS` | options of that file system, a JSON object; optional |

On Streamlit Community Cloud they go in the secrets, which Streamlit puts into the environment.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from vggcore.machine.files import parse_json
from vggcore.machine.messages import Message

ADDRESS = "VGGCORE_RAY"
GPUS, CPUS = "VGGCORE_RAY_GPUS", "VGGCORE_RAY_CPUS"
STORE, STORE_OPTIONS = "VGGCORE_STORE", "VGGCORE_STORE_OPTIONS"


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A Ray cluster and the store that it shares with us."""

    address: str  # http(s)://host:port, without a slash at the end
    store: str  # fsspec URL
    store_options: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    gpus: float = 1.0  # for each process of a run
    cpus: float = 1.0
    runtime_env: Mapping[str, object] = field(default_factory=dict, repr=False)

    @property
    def host(self) -> str:
        """Where the cluster is, for people, without any secrets that its address contains."""
        return urlsplit(self.address).hostname or self.address


def read(values: Mapping[str, str] | None = None) -> Cluster | None:
    """Read from the environment; None if no cluster is named. Raises ValueError, in one line."""
    values = os.environ if values is None else values
    address = values.get(ADDRESS, "").strip().rstrip("/")
    if not address:
        return None
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in address:
        raise ValueError(
            Message(
                "{name} must be an address such as http://ray-head:8265, not {value!r}",
                name=ADDRESS,
                value=without_password(address)[:80],
            )
        )
    url, options = store(values)
    headers = {str(k): str(v) for k, v in _object(values, "VGGCORE_RAY_HEADERS").items()}
    if token := values.get("VGGCORE_RAY_TOKEN", "").strip():
        headers["Authorization"] = f"Bearer {token}"
    return Cluster(
        address=address,
        store=url,
        store_options=options,
        headers=headers,
        gpus=_number(values, GPUS),
        cpus=_number(values, CPUS),
        runtime_env=_object(values, "VGGCORE_RAY_RUNTIME_ENV"),
    )


def store(values: Mapping[str, str] | None = None) -> tuple[str, dict]:
    """URL and options of the store, all that a job on the cluster is told. Raises ValueError."""
    values = os.environ if values is None else values
    url = values.get(STORE, "").strip()
    if not url:
        raise ValueError(
            Message(
                "{store} is not set: a folder or URL that this machine and the cluster share",
                store=STORE,
            )
        )
    if "://" not in url:
        folder = Path(url).expanduser()
        if not folder.is_absolute():  # several processes use it, each in its own folder
            raise ValueError(
                Message("{store} must be a URL, or a folder's absolute path", store=STORE)
            )
        url = str(folder)
    return url, _object(values, STORE_OPTIONS)


def require() -> Cluster:
    """The cluster. Raises ValueError if none is named."""
    cluster = read()
    if cluster is None:
        raise ValueError(
            Message("no cluster is set up here: set {name} and {store}", name=ADDRESS, store=STORE)
        )
    return cluster


def without_password(url: str) -> str:
    """A URL without its password, for people to read."""
    return re.sub(r"//.*@", "//", url)


def to_text(options: Mapping[str, object]) -> str:
    """Options as text, as the environment variable holds them."""
    return json.dumps(dict(options))


def _object(values: Mapping[str, str], name: str) -> dict:
    text = values.get(name, "").strip()
    try:
        parsed = parse_json(text) if text else {}
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise ValueError(Message("{name} must be a JSON object", name=name))
    return parsed


def _number(values: Mapping[str, str], name: str) -> float:
    try:
        number = float(values.get(name) or 1.0)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1024:
        raise ValueError(
            Message(
                "{name} must be a number from 0 up, not {value!r}", name=name, value=values[name]
            )
        )
    return number
