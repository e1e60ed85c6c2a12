"""Sentences that can still be translated after their values have been filled in."""


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
