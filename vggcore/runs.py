"""Run folders and their processes: launch, queue, stop, resume, list. No PyTorch.

The truth about a run is in its folder and is derived again at every look: see `run_locks`.
"""

from vggcore.run_locks import RunError, hold_run_lock, wait_for_device

__all__ = ["RunError", "hold_run_lock", "wait_for_device"]
