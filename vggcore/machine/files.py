"""Small files that must never be half written: bytes and JSON, read and replaced whole."""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from vggcore.machine.messages import Message


class FileError(ValueError):
    """A file or folder that cannot be used; the message is one clear line."""

    def __init__(self, message: str, errno: int | None = None):
        super().__init__(message)
        self.errno = errno  # the system's error number, if it was the system's error


def write_atomically(file: Path, content: bytes) -> None:
    """Write all of `content` to `file`, or nothing: temporary file, fsync, rename.

    Raises FileError naming the folder when it cannot be written (read-only, full, gone).
    """
    try:
        _replace(file, content)
    except FileNotFoundError:
        # A process that starts to work in the folder removes what a killed one left half
        # written, and may have mistaken our file for that.
        try:
            _replace(file, content)
        except OSError as error:
            raise _cannot_write(file, error) from None
    except OSError as error:
        raise _cannot_write(file, error) from None


def _replace(file: Path, content: bytes) -> None:
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".tmp-", delete=False) as stream:
            temporary = stream.name
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, file)
    except OSError:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)
        raise


def _cannot_write(file: Path, error: OSError) -> FileError:
    return FileError(
        Message(
            "cannot write {name} in {folder}: {reason}",
            name=file.name,
            folder=file.parent,
            reason=error.strerror or error,
        ),
        error.errno,
    )


def to_json(value: dict) -> bytes:
    """`value` as the project's JSON files hold it: indented, UTF-8, one newline at the end."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def write_json(file: Path, value: dict) -> None:
    """Replace `file` in one step, so that a reader sees the old one or the new, never half.

    Raises FileError.
    """
    write_atomically(file, to_json(value))


def parse_json(content: str | bytes):
    """The value that JSON text stands for. Raises ValueError, whatever a stranger wrote."""
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError(Message("it is nested too deeply")) from None


def read_object(file: Path) -> dict | None:
    """The object in `file`; None if there is no such file. Raises FileError if it is damaged."""
    try:
        value = parse_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise cannot_be_read(file, error) from None
    if not isinstance(value, dict):
        raise cannot_be_read(file, ValueError("it is no JSON object"))
    return value


def read_json(file: Path) -> dict | None:
    """The object in `file`; None if it is missing, damaged or holds something else."""
    try:
        return read_object(file)
    except FileError:
        return None


def cannot_be_read(file: Path, error: OSError | ValueError) -> FileError:
    """What to raise about a file that exists and cannot be used."""
    why = error.strerror if isinstance(error, OSError) else None
    if why is None:
        why = next((each for each in error.args if isinstance(each, Message)), str(error))
    return FileError(Message("{file} cannot be read: {error}", file=file.name, error=why))
