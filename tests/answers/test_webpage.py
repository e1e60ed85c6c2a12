"""The web page of a network, as a file."""

import json
import re
from dataclasses import replace

import pytest
from untrained import save_untrained

from vggcore.answers import webpage
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import Card, Thresholds
from vggcore.model.network import build
from vggcore.pictures.preprocessing import Preprocessing

HOSTILE = "</script><img src=x onerror=alert(1)>{script}"


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path))
    return tmp_path


def test_the_shipped_networks_fit_into_four_megabytes(monkeypatch):
    monkeypatch.delenv("VGGCORE_CHECKPOINTS")
    for name in checkpoints.available():
        found = webpage.estimate(checkpoints.read_card(name))
        assert found.bits == 16 and found.bytes < 4_000_000


def test_rounding_the_shipped_networks_costs_at_most_a_tenth_of_a_point(monkeypatch):
    """As `benchmarks/webpage.py --accuracy --test` has measured it."""
    monkeypatch.delenv("VGGCORE_CHECKPOINTS")
    cards = map(checkpoints.read_card, checkpoints.available())
    measured = [card for card in cards if "rounded" in card.others]
    assert measured
    for card in measured:
        assert set(card.others["rounded"]) == {"8", "16"}
        assert card.test_accuracy - card.others["rounded"]["16"] <= 0.001


def test_the_estimate_is_as_large_as_the_page(folders):
    save_untrained(folders, "small")
    found = len(webpage.page("small"))
    assert abs(webpage.estimate(checkpoints.read_card("small")).bytes - found) < 60_000


def test_a_page_names_no_address_and_its_policy_allows_its_own_scripts_only(folders):
    save_untrained(folders, "small")
    page = webpage.page("small").decode()
    assert "http:" not in page and "https:" not in page
    assert "default-src 'none'; script-src 'sha256-" in page and "unsafe" not in page


def test_too_large_a_network_is_refused_with_its_size_and_time(folders):
    spec = VGGSpec(configuration="A", image_size=224)
    values = Card(spec=spec, preprocessing=Preprocessing(), classes=("a",), sha256="x").to_dict()
    (folders / "large.json").write_text(json.dumps(values))
    with pytest.raises(ValueError, match=r"would have 1\d\d MB, and an answer would take .* s"):
        webpage.page("large")


def test_a_style_that_the_page_does_not_know_is_refused(folders):
    save_untrained(folders, "small", style="painted")
    with pytest.raises(ValueError, match="painted"):
        webpage.page("small")


def test_a_hostile_card_and_infinite_thresholds_stay_data(folders):
    spec = VGGSpec(configuration="A", width="1/32", image_size=32, head="pool", num_classes=2)
    card = Card(
        spec=spec,
        preprocessing=Preprocessing(image_size=32),
        classes=(HOSTILE, "b"),
        name=HOSTILE,
        unsure=Thresholds(),
    )
    checkpoints.save(folders / "hostile", build(spec, seed=0), card)
    page = webpage.page("hostile").decode()
    described = json.loads(re.search(r'id="network">(.*?)</script>', page, re.DOTALL)[1])
    assert described["card"]["classes"][0] == HOSTILE
    assert "evidence" not in described["card"]["unsure"]
    assert "<img" not in page and page.count("</script>") == 4


def test_the_owners_folders_are_not_in_the_page(folders):
    save_untrained(folders, "own", classes=("cat", "dog"))
    card = checkpoints.read_card("own")
    network = checkpoints.load("own").network
    checkpoints.save(folders / "own", network, replace(card, train={"pictures": "/home/me/cats"}))
    page = webpage.page("own").decode()
    assert "/home/me" not in page and '"own": true' in page
