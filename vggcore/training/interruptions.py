"""When a run stops or saves between two steps: on request, at its time limit, or at intervals."""

import signal
import time
from contextlib import suppress

from vggcore.machine import distributed
from vggcore.model.recipe import TrainConfig
from vggcore.runs.folder import RunFolder

STOP_CHECK_SECONDS = 0.25
STEPS_BETWEEN_AGREEMENTS = 10  # for several processes, which must stop and save at the same step


class stop_on_signals:
    """SIGTERM and Ctrl-C ask the run to save and stop, as its stop file does."""

    def __init__(self, folder: RunFolder):
        self.folder = folder

    def __enter__(self) -> None:
        try:
            self.before = {
                number: signal.signal(number, self._request_stop)
                for number in (signal.SIGTERM, signal.SIGINT)
            }
        except ValueError:  # not in the main thread (tests): the stop file still works
            self.before = {}

    def _request_stop(self, *_) -> None:
        with suppress(OSError):  # the folder is gone: the next save will report it
            self.folder.request_stop()

    def __exit__(self, *_) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)


class Interruptions:
    """What is due before the next step."""

    def __init__(self, folder: RunFolder, train: TrainConfig):
        self.folder, self.train = folder, train
        self.session_started = self.last_save = self.last_stop_check = time.monotonic()

    def due(self, step: int) -> tuple[bool, bool]:
        """Whether to stop, and whether to save; all processes agree on both."""
        if distributed.world_size() == 1:
            return self._should_stop(), self._should_save()
        if step % STEPS_BETWEEN_AGREEMENTS:
            return False, False
        return distributed.from_main((self._should_stop(), self._should_save()))

    def saved(self) -> None:
        """Restart the wait for the next save."""
        self.last_save = time.monotonic()

    @property
    def time_is_up(self) -> bool:
        limit = self.train.max_minutes * 60
        return 0 < limit < time.monotonic() - self.session_started

    def _should_save(self) -> bool:
        every = self.train.checkpoint_seconds
        return time.monotonic() - self.last_save >= every > 0

    def _should_stop(self) -> bool:
        now = time.monotonic()
        if self.time_is_up:
            return True
        if now - self.last_stop_check < STOP_CHECK_SECONDS:
            return False
        self.last_stop_check = now
        return self.folder.stop_requested()
