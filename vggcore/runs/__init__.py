"""Training runs and their processes: launch, queue, stop, resume, list, metrics.

A run's folder holds all of its state, which is derived anew each time it is read, so that any
number of app processes and terminals see the same. Nothing here loads PyTorch.
"""

from vggcore.runs.chance_level import Naming, naming_of
from vggcore.runs.groups import MAX_SEEDS, Group, group, groups, launch_seeds
from vggcore.runs.launching import MIN_FREE_BYTES, launch, trainer_command
from vggcore.runs.lifecycle import delete, promote, rename, resume, stop, write_notes
from vggcore.runs.names import ENDED, LIVING, STATES, RunError, RunFinished, State
from vggcore.runs.notes import Notes
from vggcore.runs.run import (
    MAX_PROCESSES,
    Run,
    ahead_of_new,
    check_free,
    check_name,
    disk_bytes,
    free_name,
    has_cluster,
    list_runs,
    log_tail,
    names_garments,
    process_memory,
    processes_of,
    queue_ahead,
    read_run,
    slug,
    starting_points,
    trained_networks,
    visitor_of,
    wait_until_ended,
)
from vggcore.runs.status import Status

__all__ = [
    "ENDED",
    "LIVING",
    "MAX_PROCESSES",
    "MAX_SEEDS",
    "MIN_FREE_BYTES",
    "STATES",
    "Group",
    "Naming",
    "Notes",
    "Run",
    "RunError",
    "RunFinished",
    "State",
    "Status",
    "ahead_of_new",
    "check_free",
    "check_name",
    "delete",
    "disk_bytes",
    "free_name",
    "group",
    "groups",
    "has_cluster",
    "launch",
    "launch_seeds",
    "list_runs",
    "log_tail",
    "read_run",
    "names_garments",
    "naming_of",
    "process_memory",
    "processes_of",
    "promote",
    "queue_ahead",
    "rename",
    "resume",
    "slug",
    "starting_points",
    "stop",
    "trained_networks",
    "trainer_command",
    "visitor_of",
    "wait_until_ended",
    "write_notes",
]
