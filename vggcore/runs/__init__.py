"""Training runs and their processes: launch, queue, stop, resume, list, metrics.

A run's folder holds all of its state, which is derived anew each time it is read, so that any
number of app processes and terminals see the same. Nothing here loads PyTorch.
"""

from vggcore.runs.chance_level import naming_of
from vggcore.runs.groups import MAX_SEEDS, Group, group, groups, launch_seeds
from vggcore.runs.launching import MIN_FREE_BYTES, launch, trainer_command
from vggcore.runs.lifecycle import delete, promote, rename, resume, stop, write_notes
from vggcore.runs.names import ENDED, STATES, RunError, RunFinished, State
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
