"""The names of the files in a run folder, and the words for a run's state.

| state | what it means |
|---|---|
| queued | its process waits for the device |
| starting | it has the device and is loading data and network |
| running | it is training |
| stopping | it was asked to stop and is saving |
| stopped | it saved and ended because it was asked to; it can be resumed |
| finished | it did all its epochs |
| failed | it ended with an error that it could report |
| crashed | its process ended without a report: killed, out of memory, power cut |
"""

from enum import StrEnum

from vggcore.machine.paths import BEST as BEST

CONFIG, METRICS, STATUS, LOG = "config.json", "metrics.jsonl", "status.json", "log.txt"
LAUNCH = "launch.json"  # who launched it, and how
CLUSTER = "cluster.json"  # which of the store's runs this is a copy of, if it trains on a cluster
PICTURES = "pictures.json"  # which pictures it started with, if they are a user's own
NOTES = "notes.json"  # what people wrote about it
STOP = "stop"  # its existence asks the trainer to save and end
LOCK = "lock"  # held by the run's process for as long as it lives
LAST, PREVIOUS = "last.safetensors", "last-previous.safetensors"  # resumable states
INCOMING = "last-incoming.safetensors"
RESERVE = ".reserve"  # reserved space for a last status when the disk is full


class RunError(ValueError):
    """A run cannot be created, found or changed; the message is one line for people."""


class RunFinished(RunError):
    """A run that should be resumed has nothing left to train."""


class State(StrEnum):
    """The state of a run."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"
    CRASHED = "crashed"


LIVING = (State.QUEUED, State.STARTING, State.RUNNING, State.STOPPING)
ENDED = (State.STOPPED, State.FINISHED, State.FAILED, State.CRASHED)
STATES = (*LIVING, *ENDED)
