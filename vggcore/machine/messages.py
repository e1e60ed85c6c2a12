"""Sentences that can still be said in another language after their values were filled in."""


class Message(str):
    """An English sentence that remembers what it was made from.

    `Message("{count} files", count=3)` is the text "3 files"; `template` and `values` are for who
    translates it. Everywhere else it is an ordinary text. An error carries it as its argument.
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
