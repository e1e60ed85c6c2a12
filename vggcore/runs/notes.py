"""What people write about a run: a note and tags, kept in its folder."""

import re
from dataclasses import asdict, dataclass
from pathlib import Path

from vggcore.machine.files import read_json, write_json
from vggcore.machine.messages import Message
from vggcore.runs.launching import one_line_errors
from vggcore.runs.limits import Limits
from vggcore.runs.names import NOTES, RunError
from vggcore.runs.run import Run, look, look_at

MAX_NOTE, MAX_TAG, MAX_TAGS = 2_000, 30, 20  # characters, characters, tags
_TAG = re.compile(r"[\w][\w .:+/-]*")


@dataclass(frozen=True, kw_only=True)
class Notes:
    """A note and tags. Raises RunError for one that is too long, or an invalid tag."""

    note: str = ""
    tags: tuple[str, ...] = ()

    def __post_init__(self):
        tags = tuple(dict.fromkeys(tag.strip() for tag in self.tags if tag.strip()))
        object.__setattr__(self, "note", self.note.strip())
        object.__setattr__(self, "tags", tags)
        if len(self.note) > MAX_NOTE:
            raise RunError(
                Message(
                    "the note has {count:,} characters: {limit:,} at most",
                    count=len(self.note),
                    limit=MAX_NOTE,
                )
            )
        if len(tags) > MAX_TAGS:
            raise RunError(
                Message(
                    "{count} tags are too many: {limit} at most", count=len(tags), limit=MAX_TAGS
                )
            )
        for tag in tags:
            if len(tag) > MAX_TAG or not _TAG.fullmatch(tag):
                raise RunError(
                    Message(
                        "{tag!r} is not a tag: use up to {limit} letters, digits, "
                        "spaces and -_.:+/, starting with a letter or digit",
                        tag=tag[:MAX_TAG],
                        limit=MAX_TAG,
                    )
                )


def notes_of(run: Run | Path) -> Notes:
    """The notes on a run; empty if the file is missing or damaged."""
    path = run.path if isinstance(run, Run) else run
    found = read_json(path / NOTES) or {}
    note, tags = found.get("note", ""), found.get("tags", [])
    try:
        return Notes(note=note, tags=tuple(tags))
    except (RunError, AttributeError, TypeError):
        return Notes()


def write_notes(
    name: str, notes: Notes, *, password: str = "", limits: Limits | None = None
) -> Run:
    """Replace the notes on a run, living or not. Raises RunError, NotAllowed."""
    (limits or Limits.read()).require_owner(password, "writing on a run")
    run = look(name)
    with one_line_errors(run.path):
        write_json(run.path / NOTES, asdict(notes))
    return look_at(run.path)
