"""Fields of `VGGSpec` and `TrainConfig`: what each may be, how it is shown, and how it is read.

The command line, the Train page's form, the Compare page and addresses take ranges, steps and
choices from here, so that none of them offers what another refuses. Plain Python, no PyTorch.
"""

import re
from collections.abc import Callable
from dataclasses import Field, field, fields

from vggcore.machine.messages import Message

_WHOLE = re.compile(r"[+-]?[0-9]{1,12}")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][+-]?[0-9]{1,3})?")


def option(
    default,
    help,
    *,
    choices=None,
    offered=None,
    low=None,
    high=None,
    step=None,
    unit="",
    label="",
    group="training",
    kind=None,
    parse=None,
):
    """A field with what is known about it.

    label: its name for people, if that is not the field's own. choices: the only values allowed.
    offered: the usual values; others are allowed too. step: of the form's + and −; by default 1, or
    1 in the first digit. kind: the type, if the default does not tell. parse: reads the value from
    text, by default according to the type.
    """
    metadata = dict(help=help, choices=choices, offered=offered, low=low, high=high, step=step)
    metadata |= dict(unit=unit, label=label, group=group, kind=kind or type(default), parse=parse)
    return field(default=default, metadata=metadata)


def by_name(kind) -> dict[str, Field]:
    """The fields of `VGGSpec` or `TrainConfig`, by their names."""
    return {f.name: f for f in fields(kind)}


def label(f) -> str:
    """What the field is called, for people."""
    return f.metadata["label"] or f.name.replace("_", " ")


def checked(f, value):
    """`value` as the field's type, within its bounds. Raises ValueError naming what is allowed."""
    kind, meta = f.metadata["kind"], f.metadata
    if value is None and f.default is None:
        return None
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind:
        raise ValueError(
            Message(
                "{name} {value!r} must be of type {type}",
                name=f.name,
                value=value,
                type=kind.__name__,
            )
        )
    if meta["choices"] and value not in meta["choices"]:
        raise ValueError(
            Message(
                "unknown {name} {value!r}: choose one of {choices}",
                name=f.name,
                value=value,
                choices=", ".join(map(str, meta["choices"])),
            )
        )
    # Written so that NaN, which compares false with everything, is rejected too.
    if meta["low"] is not None and not meta["low"] <= value <= meta["high"]:
        raise ValueError(
            Message(
                "{name} {value!r} is out of range: {low} to {high}",
                name=f.name,
                value=value,
                low=meta["low"],
                high=meta["high"],
            )
        )
    return value


def from_text(f, text: str):
    """The value that `text` means for a field; the inverse of `str`. Raises ValueError."""
    if f.default is None and text == str(None):
        return None
    parse = f.metadata["parse"] or _PARSERS[f.metadata["kind"]]
    return parse(text)


def step(f, value):
    """How much + and − change a number, which may be 0."""
    if f.metadata["step"] is not None or f.metadata["kind"] is int:
        return f.metadata["step"] or 1
    digits = f"{value:e}"[-3:]  # 0.004 is 4.000000e-03
    return float(f"1e{digits}")


def known_fields(cls, values: dict) -> dict:
    """`values`, checked to name only fields of the dataclass `cls`. Raises ValueError."""
    if not isinstance(values, dict):
        raise ValueError(
            Message(
                "{name} must be an object, not {type}",
                name=cls.__name__,
                type=type(values).__name__,
            )
        )
    allowed = [f.name for f in fields(cls)]
    unknown = [key for key in values if key not in allowed]
    if unknown:
        raise ValueError(
            Message(
                "unknown {type} field {unknown!r}: allowed are {allowed}",
                type=cls.__name__,
                unknown=unknown[0],
                allowed=", ".join(allowed),
            )
        )
    return values


def truth(text: str) -> bool:
    """True or false, spelled so. Raises ValueError."""
    if text.lower() not in ("true", "false"):
        raise ValueError(Message("{text!r} is neither true nor false", text=text[:80]))
    return text.lower() == "true"


def whole(text: str) -> int:
    """A whole number, in plain digits. Raises ValueError."""
    if not _WHOLE.fullmatch(text):
        raise ValueError(Message("{text!r} is not a whole number", text=text[:80]))
    return int(text)


def _decimal(text: str) -> float:
    if not _DECIMAL.fullmatch(text):
        raise ValueError(Message("{text!r} is not a number", text=text[:80]))
    return float(text)


_PARSERS: dict[type, Callable[[str], object]] = {bool: truth, int: whole, float: _decimal, str: str}
