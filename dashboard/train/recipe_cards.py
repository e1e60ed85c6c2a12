"""What the form says about each recipe: its accuracy, its time here, its audience."""

from dashboard.shared import formatting
from dashboard.shared.language import sentence, tr
from vggcore.model import checkpoints, presets, recipe
from vggcore.model.presets import PRESETS
from vggcore.model.recipe import TrainConfig
from vggcore.training import cost
from vggcore.wild import items


def time_here(name: str) -> str:
    """How long a recipe takes on this machine: "about 5 min here"; "" if that is not known."""
    preset = PRESETS[name]
    seconds = cost.estimate(preset.spec, preset.train).seconds(preset.train.epochs)
    if seconds is None or preset.train.dataset == recipe.OWN:
        return ""
    whole = formatting.rough_duration(seconds)
    return tr("about {time} here", time=whole)


def recipe_card(name: str) -> str:
    """What accuracy a recipe reaches, how long it takes here, and whom it is for."""
    preset = PRESETS[name]
    parts = [reaches(preset), time_here(name), tr(preset.audience)]
    return " · ".join(filter(None, parts))


def reaches(preset: presets.Preset) -> str:
    """What accuracy a recipe reaches; from the card of the network that it trained, if it ships."""
    if not preset.shipped:
        return tr(preset.reaches)
    try:
        card = checkpoints.read_card(preset.shipped)
    except checkpoints.CheckpointError:
        return ""
    figures = {
        tr("{percent} % test accuracy on Fashion-MNIST"): card.test_accuracy,
        tr("{percent} % of held-out photos"): card.by_kind.get("photos"),
        tr("{percent} % of held-out drawings"): card.by_kind.get("sketches"),
    }
    return " · ".join(
        text.format(percent=f"{100 * share:.1f}") for text, share in figures.items() if share
    )


def missing_pictures(train: TrainConfig) -> str:
    """Why a recipe cannot be trained here, for want of its pictures; "" if it can."""
    if train.dataset == "wild":
        try:
            items.require()
        except ValueError as error:
            return sentence(error)
    return ""
