"""Values read from JSON, checked: files of other versions and of strangers hold anything."""

from dataclasses import fields


def an_object(value, name: str) -> dict:
    """`value`, a JSON object. Raises ValueError naming it."""
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object, not {value!r}")
    return value


def known(kind, values, name: str) -> dict:
    """Those of the values that are fields of `kind`; a newer version's are left out."""
    own = {f.name for f in fields(kind)}
    return {k: v for k, v in an_object(values, name).items() if k in own and v is not None}


def a_number(value, name: str) -> float:
    """`value`, a number and no bool. Raises ValueError naming it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} must be a number, not {value!r}")
    return value
