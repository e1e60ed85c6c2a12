"""Sentences that can still be translated after their values have been filled in.

In JSON files, a sentence stands as its English text; what it was made from stands beside it under
"parts", so that a page can show it in the visitor's language.
"""

_PARTS = "parts"
_OF_A_MESSAGE = ("template", "values")
_PLAIN = (str, int, float, bool, type(None))


class Message(str):
    """An English sentence that remembers what it was made from.

    `Message("{count} files", count=3)` is the text "3 files"; `template` and `values` are for
    translating it. Everywhere else it is ordinary text. An error carries it as its argument.
    """

    template: str
    values: dict[str, object]

    def __new__(cls, template: str, /, **values: object) -> "Message":
        made = super().__new__(cls, template.format(**values) if values else template)
        made.template, made.values = template, values
        return made

    def __str__(self) -> str:
        return self

    def __getnewargs_ex__(self):
        return (self.template,), self.values


def parts(**texts: str) -> dict:
    """A JSON-ready entry with what these texts were made from; {} if none is a `Message`."""
    made = {name: _apart(text) for name, text in texts.items() if isinstance(text, Message)}
    return {_PARTS: made} if made else {}


def restored(row: dict, *names: str) -> dict:
    """`row` without its entry of `parts`, its texts of these names as `Message` where they fit."""
    made = row.get(_PARTS)
    row = {name: value for name, value in row.items() if name != _PARTS}
    for name in names:
        message = _together(made.get(name)) if isinstance(made, dict) else None
        if message is not None and message == row.get(name):
            row[name] = message
    return row


def _apart(value: object) -> object:
    if isinstance(value, BaseException):
        value = str(value)
    if isinstance(value, Message):
        values = {name: _apart(each) for name, each in value.values.items()}
        return dict(zip(_OF_A_MESSAGE, (value.template, values), strict=True))
    return value if isinstance(value, _PLAIN) else str(value)


def _together(made: object) -> Message | None:
    """The sentence; None if this is not what `_apart` makes."""
    template, values = (made.get(key) if isinstance(made, dict) else None for key in _OF_A_MESSAGE)
    if not isinstance(template, str) or not isinstance(values, dict):
        return None
    filled = {k: _together(v) if isinstance(v, dict) else v for k, v in values.items()}
    try:
        return Message(template, **filled)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):  # no template for these
        return None
