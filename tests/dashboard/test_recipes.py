"""What the Train form says about recipes: figures of shipped networks, and data that is missing."""

from dashboard.train import form
from vggcore.model import checkpoints
from vggcore.model.recipe import PRESETS


def test_a_recipe_has_the_figures_of_the_network_that_it_trained():
    card = checkpoints.read_card("fashion-mnist")
    assert f"{100 * card.test_accuracy:.1f} %" in form._reaches(PRESETS["best"])
    assert all(preset.shipped or preset.reaches for preset in PRESETS.values())


def test_wild_is_offered_only_where_its_pictures_are(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path))
    missing = {name for name, preset in PRESETS.items() if form._missing(preset.train)}
    assert missing == {"wild"} and "docs/data.md" in form._missing(PRESETS["wild"].train)
