"""What the Train form says about recipes: figures of shipped networks, and data that is missing."""

from dashboard.train import recipe_cards
from vggcore.model import checkpoints
from vggcore.model.presets import PRESETS


def test_a_recipe_has_the_figures_of_the_network_that_it_trained():
    card = checkpoints.read_card("fashion-mnist")
    assert f"{100 * card.test_accuracy:.1f} %" in recipe_cards.reaches(PRESETS["best"])
    assert all(preset.shipped or preset.reaches for preset in PRESETS.values())


def test_wild_is_offered_only_where_its_pictures_are(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path))
    missing = {
        name for name, preset in PRESETS.items() if recipe_cards.missing_pictures(preset.train)
    }
    assert missing == {"wild"} and "docs/data.md" in recipe_cards.missing_pictures(
        PRESETS["wild"].train
    )
