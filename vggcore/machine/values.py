"""Checks of values read from JSON: other versions' and strangers' files may hold anything."""

from dataclasses import fields

from vggcore.machine.messages import Message


def an_object(value, name: str) -> dict:
    """`value` if it is a JSON object. Raises ValueError with its name."""
    if not isinstance(value, dict):
        raise ValueError(Message("{name} must be an object, not {value!r}", name=name, value=value))
    return value


def known(kind, values, name: str) -> dict:
    """The values that are fields of `kind`; fields of a newer version are left out."""
    own = {f.name for f in fields(kind)}
    return {k: v for k, v in an_object(values, name).items() if k in own and v is not None}


def a_number(value, name: str) -> float:
    """`value` if it is a number and not a bool. Raises ValueError with its name."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(Message("{name} must be a number, not {value!r}", name=name, value=value))
    return value
