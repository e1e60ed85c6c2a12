"""Names from file systems, zips and tables of strangers, and folders named after classes."""

import hashlib
import re
import unicodedata

_MOST_BYTES = 200  # of a folder's name
_ESCAPE = re.compile(r"%([0-9a-f]+);")


def folder_name(label: str) -> str:
    """A folder's name for a class: another one for each class; `class_name` turns it back.

    What file systems do not allow everywhere is escaped. Names that are too long for that are
    shortened for good.
    """
    name = "".join(c if c.isalnum() or c in " -_.()+" else f"%{ord(c):x};" for c in label)
    name = f"%2e;{name[1:]}" if name.startswith(".") else name or "%;"
    if len(name.encode()) > _MOST_BYTES:
        name = f"{name[:40]}%{hashlib.sha256(label.encode()).hexdigest()[:16]};"
    return name


def class_name(folder: str) -> str:
    """The class that a folder stands for: the inverse of `folder_name`, else its own name."""
    if "%" in folder:
        label = _ESCAPE.sub(lambda match: _character(match[1]), folder)
        if folder_name(label) == folder:
            folder = label
    return readable(folder)


def _character(digits: str) -> str:
    number = int(digits[:8], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else ""


def readable(name: str) -> str:
    """A name as printable text, its letters composed as most systems have them."""
    if name.isascii() and name.isprintable():
        return name.strip()
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    text = "".join(c if c.isprintable() else "\ufffd" for c in text).strip()
    return unicodedata.normalize("NFC", text)


def shortened(name: str) -> str:
    """A name cut to fit on a line."""
    text = readable(name)
    return text if len(text) <= 60 else f"{text[:28]}…{text[-28:]}"


def encoding_of(texts: list[bytes]) -> str:
    """How these were encoded: UTF-8, or GB 18030 as by Chinese systems; empty if neither is likely.

    GB 18030 can read much that is none. It counts where common Chinese characters stand.
    """
    if all(_decodes(text, "utf-8") for text in texts):
        return "utf-8"
    chinese = all(_decodes(text, "gb18030") for text in texts)
    common = any(_decodes(text, "gb2312") for text in texts if not text.isascii())
    return "gb18030" if chinese and common else ""


def _decodes(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
