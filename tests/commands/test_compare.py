import argparse
import csv
import io
import json

import pytest

from vggcore.commands import compare as compare_command


@pytest.fixture
def compare(capsys):
    def run(line: str) -> str:
        parser = argparse.ArgumentParser()
        compare_command.add_arguments(parser)
        assert compare_command.run(parser.parse_args(line.split())) == 0
        return capsys.readouterr().out

    return run


def test_json_has_the_golden_counts_and_the_layers(compare):
    networks = json.loads(compare("--in-channels 3 --num-classes 1000 --json"))
    assert [n["configuration"] for n in networks] == ["A", "A-LRN", "B", "C", "D", "E"]
    vgg16 = networks[4]
    assert (vgg16["name"], vgg16["parameters"]) == ("VGG-16", 138_357_544)
    assert vgg16["macs"] == 15_470_264_320
    assert sum(layer["parameters"] for layer in vgg16["layers"]) == 138_357_544
    pool = next(layer for layer in vgg16["layers"] if layer["name"] == "block5.pool")
    assert (pool["receptive_field"], pool["stride"]) == (212, 32)
    assert pool["output_shape"] == [1, 512, 7, 7]
    assert pool["activation_bytes"] == 512 * 7 * 7 * 4
    assert vgg16["layers"][-1]["stride"] is None


def test_settings_reach_the_networks(compare):
    line = "--configurations vgg11-bn --width 1/8 --image-size 32 --head pool --json"
    (network,) = json.loads(compare(line))
    assert network["spec"]["batch_norm"] is True
    assert network["features"] == [1, 64, 1, 1]
    assert network["layers"][-1]["parameters"] == 64 * 10 + 10


def test_diff_lists_what_the_second_adds(compare):
    diff = json.loads(compare("--diff A D --json"))
    added = [layer["name"] for layer in diff["layers"] if layer["change"] == "added"]
    assert [name for name in added if "conv" in name] == [
        "block1.conv2",
        "block2.conv2",
        "block3.conv3",
        "block4.conv3",
        "block5.conv3",
    ]
    assert diff["parameters"] == 134_300_362 - 128_806_154
    assert "VGG-11 → VGG-16" in compare("--diff A D")


def test_csv_reads_back_exactly(compare):
    rows = list(csv.DictReader(io.StringIO(compare("--configurations D,E --layers --format csv"))))
    assert {row["network"] for row in rows} == {"VGG-16", "VGG-19"}
    total = sum(int(row["parameters"]) for row in rows if row["network"] == "VGG-19")
    assert total == 139_610_058
    assert rows[0]["output_shape"] == "1×64×224×224"


def test_markdown_and_latex_are_whole_tables(compare):
    markdown = compare("--configurations A --format markdown").splitlines()
    assert len({line.count("|") for line in markdown}) == 1 and len(markdown) == 3
    latex = compare("--configurations C --format latex")
    assert latex.startswith(r"\begin{tabular}{l") and latex.endswith("\\end{tabular}\n")
    assert r"conv\_parameters" in latex and r"VGG-16 with 1$\times$1" in latex


def test_table_names_its_convention(compare):
    text = compare("--in-channels 3 --num-classes 1000")
    assert "1 MAC = one multiply and one add" in text
    assert "✓ torchvision 138,357,544" in text


@pytest.mark.parametrize("line", ["--configurations ,", "--image-size 28", "--width 1/128"])
def test_impossible_networks_are_refused(compare, line):
    with pytest.raises(ValueError, match="network|at least"):
        compare(line)


@pytest.mark.parametrize("also", ["--configurations A,B", "--layers"])
def test_a_diff_takes_no_other_choice_of_networks(also):
    parser = argparse.ArgumentParser()
    compare_command.add_arguments(parser)

    with pytest.raises(ValueError, match=f"leave out {also.split()[0]}"):
        compare_command.run(parser.parse_args(f"--diff A D {also}".split()))


def test_a_network_that_is_named_twice_is_one_row(compare):
    assert len(json.loads(compare("--configurations A,VGG-11,D --json"))) == 2


@pytest.mark.parametrize("style", ["table", "csv", "markdown", "latex"])
def test_columns_of_errors_are_headed_as_errors(compare, style):
    text = compare(f"--channels 3 --classes 1000 --format {style}")

    assert "top-1 error, " in text and "top-5 error, " in text
