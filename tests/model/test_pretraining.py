import pytest
import torch
from untrained import bare_card

from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.network import build
from vggcore.model.pretraining import copy_weights
from vggcore.model.recipe import TrainConfig
from vggcore.runs import folder as run_folder
from vggcore.training import loop


def small(configuration: str, **settings):
    spec = VGGSpec(configuration=configuration, width="1/16", image_size=32, **settings)
    return build(spec, seed=len(configuration) + ord(configuration[0]))


def test_the_paper_s_layers_are_four_convolutions_and_the_head():
    copied = copy_weights(small("A"), small("D"), "paper")

    assert copied == [
        "block1.conv1",
        "block2.conv1",
        "block3.conv1",
        "block3.conv2",
        "classifier.fc1",
        "classifier.fc2",
        "classifier.fc3",
    ]


def test_all_that_fits_is_every_layer_of_a_shallower_network():
    source, target = small("A"), small("E")
    untouched = target.block5.conv4.weight.clone()

    copied = copy_weights(source, target, "all")

    assert len(copied) == 8 + 3
    assert torch.equal(target.block5.conv2.weight, source.block5.conv2.weight)
    assert torch.equal(target.classifier.fc3.bias, source.classifier.fc3.bias)
    assert torch.equal(target.block5.conv4.weight, untouched)


def test_layers_of_another_shape_stay_as_they_were():
    source, target = small("D"), small("C", fc_width=24)

    copied = copy_weights(source, target, "all")

    # C's third convolutions are 1×1, and the hidden layers have another width.
    assert "block3.conv2" in copied and "block3.conv3" not in copied
    assert not any(name.startswith("classifier") for name in copied)


def test_batch_norm_comes_with_its_convolution():
    source, target = small("A", batch_norm=True), small("B", batch_norm=True)
    source.block2.bn1.running_mean.fill_(7.0)

    copy_weights(source, target, "all")

    assert target.block2.bn1.running_mean.eq(7.0).all()


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("configuration", ["D", "C", "E"])  # C adds 1×1 convolutions
def test_a_deeper_network_answers_as_the_one_that_it_starts_from(configuration, batch_norm):
    source = small("B", batch_norm=batch_norm).eval()
    target = small(configuration, batch_norm=batch_norm).eval()
    for module in source.modules():  # a network that has learnt: channels differ
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 2)
            torch.nn.init.uniform_(module.bias, -1, 1)

    copy_weights(source, target, "deeper")

    images = torch.rand(4, 1, 32, 32)
    with torch.no_grad():
        seen, same = source.features(images), target.features(images)
        expected, answers = source(images), target(images)
    assert seen.std() > 0.01
    assert torch.allclose(same, seen, rtol=1e-3, atol=1e-5)
    assert torch.allclose(answers, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("configuration", ["D", "E"])
def test_in_training_too_added_batch_norm_nearly_gives_back_what_it_gets(configuration):
    torch.manual_seed(0)
    source = small("B", batch_norm=True)
    target = small(configuration, batch_norm=True)
    torch.nn.init.uniform_(source.block3.bn2.bias, -1, 1)
    copy_weights(source, target, "deeper")
    block = target.block3
    images = torch.randn(32, 16, 16, 16)

    with torch.no_grad():
        before = block.relu2(block.bn2(block.conv2(images)))
        after = block[6:-1](before)  # all that was added, without the pool

    assert len(block[6:-1]) == {"D": 3, "E": 6}[configuration]
    assert (after - before).abs().mean() < 0.05 * before.abs().mean()


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (small("D"), small("B"), "VGG-13 ×1/16 has no place for block3.conv3"),
        (small("B"), small("D", head="pool"), "has no place for classifier.fc1"),
        (small("B", batch_norm=True), small("D"), "needs batch_norm in both networks"),
        (small("B"), small("D", batch_norm=True), "needs batch_norm in both networks"),
    ],
)
def test_a_network_that_cannot_answer_alike_is_not_deeper(source, target, message):
    with pytest.raises(ValueError, match=message):
        copy_weights(source, target, "deeper")


def test_an_unknown_choice_of_layers_is_refused():
    with pytest.raises(ValueError, match="all, paper, deeper"):
        copy_weights(small("A"), small("B"), "some")


def test_a_run_starts_from_a_checkpoint_and_says_what_it_took(tmp_path):
    spec = VGGSpec(configuration="A", width="1/16", image_size=32, dropout=0.0)
    card = bare_card(small("A").spec)
    checkpoints.save(tmp_path / "start", build(spec, seed=1), card)
    train = TrainConfig(
        dataset="synthetic",
        train_limit=32,
        batch_size=32,
        epochs=1,
        device="cpu",
        init_from=str(tmp_path / "start"),
        init_layers="paper",
        learning_rate=1e-7,
    )
    deeper = VGGSpec(configuration="B", width="1/16", image_size=32, dropout=0.0)
    folder = run_folder.create(tmp_path / "run", deeper, train)

    loop.fit(folder)

    event = (folder.path / "metrics.jsonl").read_text().splitlines()[0]
    assert "copied block1.conv1, block2.conv1, block3.conv1, block3.conv2, classifier.fc1" in event
    started = checkpoints.load(tmp_path / "start").network.block1.conv1.weight
    trained = checkpoints.load(folder.path / "best").network.block1.conv1.weight
    assert torch.allclose(started, trained, atol=1e-5)


def test_a_start_that_fits_nowhere_is_an_error(tmp_path):
    checkpoints.save(tmp_path / "start", small("A"), bare_card(small("A").spec))
    spec = VGGSpec(configuration="A", width="1/8", image_size=32, head="pool")

    with pytest.raises(ValueError, match="nothing of .* fits VGG-11 ×1/8"):
        loop.start_from(build(spec), TrainConfig(init_from=str(tmp_path / "start")))


def test_a_grey_network_starts_one_that_sees_colours_and_answers_alike():
    source = small("A", batch_norm=True).eval()
    both = small("A", batch_norm=True, in_channels=4).eval()
    colours = small("A", batch_norm=True, in_channels=3).eval()
    for target in (both, colours):
        assert "block1.conv1" in copy_weights(source, target)
    outline = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        expected = source(outline)
        seen = both(torch.cat([torch.rand(2, 3, 32, 32), outline], 1))
        grey = colours(outline.expand(-1, 3, -1, -1))
    assert torch.allclose(seen, expected, atol=1e-5) and torch.allclose(grey, expected, atol=1e-5)
