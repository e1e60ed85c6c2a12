"""Pictures to choose from."""

from types import SimpleNamespace

import pytest
from PIL import Image

from dashboard.shared import gallery

PICTURES = [("Bag & <b>", Image.new("L", (8, 8))), ("Coat", Image.new("L", (8, 8)))]


@pytest.mark.parametrize(
    ("sent", "chosen"),
    [(None, None), (0, 0), (1, 1), (2, None), (-1, None), ("1", None), ([], None)],
)
def test_only_a_picture_that_is_there_can_be_chosen(sent, chosen, monkeypatch):
    shown = {}

    def component(**given):
        shown.update(given)
        return SimpleNamespace(chosen=sent)

    monkeypatch.setattr(gallery, "_gallery", component)

    assert gallery.choose(PICTURES, 'Open "it"', "key") == chosen
    html = shown["data"]["html"]
    assert html.count("<button") == 2 and "Open &quot;it&quot;" in html
    assert "Bag &amp; &lt;b&gt;" in html and "<b>" not in html
