"""Small pictures as HTML."""

from PIL import Image

from dashboard.shared import thumbnails


def test_a_picture_that_leads_somewhere_says_so_in_the_readers_language(monkeypatch):
    monkeypatch.setattr(thumbnails, "tr", {"Open in Classify": "在分类页打开"}.get)
    pictures = [("Bag & <b>", Image.new("L", (8, 8)))]

    html = thumbnails.strip(pictures, addresses=["classify?image=1&x=2"])

    assert 'title="在分类页打开"' in html and 'href="classify?image=1&amp;x=2"' in html
    assert "Bag &amp; &lt;b&gt;" in html and "<b>" not in html
