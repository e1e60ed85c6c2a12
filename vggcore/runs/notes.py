"""What people write about a run: a note and tags, kept in its folder."""

import re
from dataclasses import dataclass
from pathlib import Path

from vggcore.machine.files import cannot_be_read, read_object
from vggcore.machine.messages import Message
from vggcore.runs.names import NOTES, RunError

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


def read_notes(folder: Path) -> Notes:
    """The notes in a run's folder; empty if there are none. Raises FileError if damaged."""
    values = read_object(folder / NOTES) or {}
    note, tags = values.get("note", ""), values.get("tags", [])
    try:
        if not isinstance(note, str):
            raise RunError(Message("the note must be a text"))
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise RunError(Message("the tags must be a list of texts"))
        return Notes(note=note, tags=tuple(tags))
    except RunError as error:
        raise cannot_be_read(folder / NOTES, error) from None
