"""What visitors of a public deployment may do. Enforced where runs are created and changed.

A deployment is public when VGGCORE_PUBLIC is 1. Visitors then cannot train, unless its owner
sets VGGCORE_PUBLIC_TRAINING to 1; the caps below apply to every such run. Deleting, renaming and
promoting need VGGCORE_OWNER_PASSWORD; if it is not set, no one can. Plain Python, no PyTorch.
"""

import hmac
import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil

from vggcore.machine.messages import Message
from vggcore.model.presets import PRESETS
from vggcore.model.recipe import CORRECTIONS, OWN, TrainConfig

log = logging.getLogger(__name__)

_FREE_GUESSES = 5  # wrong passwords from one address before it has to wait
_FIRST_PAUSE, _LONGEST_PAUSE = 10.0, 900.0  # seconds; it doubles each time
_REMEMBERED = 3_600.0  # seconds


class NotAllowed(ValueError):
    """This deployment does not permit what was asked; the message is one line for people."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Caps of this deployment. The defaults are for a private one: no caps."""

    public: bool = False
    training: bool = True
    presets: tuple[str, ...] = ()  # a public visitor picks one, unchanged except for caps
    max_epochs: int = 5
    max_minutes: float = 10.0
    queue_per_visitor: int = 1  # living runs, waiting ones included
    queue: int = 4  # living runs of all visitors together
    disk_bytes: int = 2_000_000_000  # of all run folders together
    collecting: bool = False  # visitors' corrections are stored, with their consent
    session_bytes: int = 100_000_000  # of one visitor's uploads, in the server's memory
    uploaded_bytes: int = 500_000_000  # of all visitors' uploads together
    owner_password: str = ""
    address: str = ""  # of the visitor, as far as it is known

    @classmethod
    def read(cls, values: Mapping[str, str] | None = None) -> "Limits":
        """From the VGGCORE_PUBLIC… settings, by default the environment's. Raises ValueError."""
        values = os.environ if values is None else values
        collecting = _flag(values, "VGGCORE_COLLECT")
        if not _flag(values, "VGGCORE_PUBLIC"):
            return cls(collecting=collecting)
        presets = str(values.get("VGGCORE_PUBLIC_PRESETS", "try-out")).split(",")
        return cls(
            public=True,
            collecting=collecting,
            training=_flag(values, "VGGCORE_PUBLIC_TRAINING"),
            presets=tuple(
                name.strip()
                for name in presets
                if name.strip() in PRESETS
                and PRESETS[name.strip()].train.dataset not in (OWN, CORRECTIONS)
            ),
            max_epochs=int(_number(values, "VGGCORE_PUBLIC_EPOCHS", cls.max_epochs)),
            max_minutes=_number(values, "VGGCORE_PUBLIC_MINUTES", cls.max_minutes),
            queue_per_visitor=int(
                _number(values, "VGGCORE_PUBLIC_QUEUE_PER_VISITOR", cls.queue_per_visitor)
            ),
            queue=int(_number(values, "VGGCORE_PUBLIC_QUEUE", cls.queue)),
            disk_bytes=int(1e9 * _number(values, "VGGCORE_PUBLIC_DISK_GB", cls.disk_bytes / 1e9)),
            session_bytes=int(
                1e6 * _number(values, "VGGCORE_PUBLIC_UPLOAD_MB", cls.session_bytes / 1e6)
            ),
            uploaded_bytes=int(
                1e6 * _number(values, "VGGCORE_PUBLIC_UPLOADS_MB", cls.uploaded_bytes / 1e6)
            ),
            owner_password=str(values.get("VGGCORE_OWNER_PASSWORD", "")),
        )

    def is_owner(self, password: str) -> bool:
        """Whether `password` is the owner's; on a private deployment everybody is the owner."""
        if not self.public:
            return True
        expected = self.owner_password.encode()
        return bool(expected) and hmac.compare_digest(password.encode(), expected)

    def require_owner(self, password: str, action: str) -> None:
        """Raises NotAllowed unless `password` is the owner's, or after too many wrong ones."""
        if self.public and (wait := _guesses.wait(self.address)):
            raise NotAllowed(
                Message("too many wrong passwords: try again in {wait:.0f} s", wait=ceil(wait))
            )
        if not self.is_owner(password):
            if password:
                _guesses.note_wrong(self.address)
            raise NotAllowed(
                Message("{action} needs the password of this deployment's owner", action=action)
            )
        _guesses.forget(self.address)

    def capped(self, preset: str, train: TrainConfig) -> TrainConfig:
        """`train` as a visitor may run it: the preset's own recipe under this deployment's caps.

        Of the visitor's choices only the seed is kept. Raises NotAllowed.
        """
        if not self.public:
            return train
        if not self.training:
            raise NotAllowed(Message("training is turned off on this public deployment"))
        if preset not in self.presets:
            raise NotAllowed(
                Message(
                    "this public deployment trains only its presets: {presets}",
                    presets=", ".join(self.presets),
                )
            )
        recipe = PRESETS[preset].train
        minutes = min(recipe.max_minutes or self.max_minutes, self.max_minutes)
        epochs = min(recipe.epochs, self.max_epochs)
        return replace(recipe, seed=train.seed, epochs=epochs, max_minutes=minutes)

    def check_queue(self, living: int, living_of_visitor: int, disk_bytes: int) -> None:
        """Raises NotAllowed if one more run would be too many, or the disk share is used up."""
        if not self.public:
            return
        if living_of_visitor >= self.queue_per_visitor:
            raise NotAllowed(
                Message(
                    "one visitor may have {queue_per_visitor} run(s) at a time: wait for yours to "
                    "end, or stop it",
                    queue_per_visitor=self.queue_per_visitor,
                )
            )
        if living >= self.queue:
            raise NotAllowed(
                Message("the queue is full ({queue} runs): try again later", queue=self.queue)
            )
        if disk_bytes >= self.disk_bytes:
            raise NotAllowed(Message("the space for runs on this deployment is used up"))


class _Guesses:
    """Wrong passwords from each address: after some, the next has to wait, and longer each time."""

    def __init__(self) -> None:
        self._wrong: dict[str, tuple[int, float]] = {}  # by address: how many, the last one's time
        self._lock = threading.Lock()

    def wait(self, address: str) -> float:
        """Seconds until this address may try again."""
        count, last = self._wrong.get(address, (0, 0.0))
        if count < _FREE_GUESSES:
            return 0.0
        pause = min(_FIRST_PAUSE * 2.0 ** (count - _FREE_GUESSES), _LONGEST_PAUSE)
        return max(0.0, last + pause - time.monotonic())

    def note_wrong(self, address: str) -> None:
        with self._lock:
            now = time.monotonic()
            long_ago = [key for key, (_, last) in self._wrong.items() if now > last + _REMEMBERED]
            for key in long_ago:
                del self._wrong[key]
            count = self._wrong.get(address, (0, now))[0] + 1
            self._wrong[address] = (count, now)
        log.warning("wrong password of the owner from %s, number %d", address or "?", count)

    def forget(self, address: str) -> None:
        with self._lock:
            self._wrong.pop(address, None)


_guesses = _Guesses()


def _flag(values: Mapping[str, str], name: str) -> bool:
    return str(values.get(name, "")).strip().lower() in ("1", "true", "yes", "on")


def _number(values: Mapping[str, str], name: str, default: float) -> float:
    try:
        number = float(values.get(name, default))
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < float("inf"):
        raise ValueError(
            Message(
                "{name} must be a number from 0 up, not {get!r}", name=name, get=values.get(name)
            )
        )
    return number
