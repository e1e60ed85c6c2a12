"""`python -m vggcore classify`."""

import json

import pytest
from picture_files import ALLOWED, REFUSED
from PIL import Image, ImageDraw
from untrained import save_untrained

from vggcore.answers.classifier import Classifier, Prediction
from vggcore.commands.cli import main
from vggcore.data.classes import CLASSES, percent

TEMPLATE = {"strokes": [{"points": [[60, 60], [200, 60], [200, 200], [60, 200], [60, 60]]}]}


@pytest.fixture(autouse=True)
def untrained(tmp_path, monkeypatch):
    """A checkpoint that answers at once; what it answers does not matter here."""
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    save_untrained(tmp_path / "checkpoints")


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    (folder / "inside").mkdir(parents=True)
    (folder / "a.png").write_bytes(ALLOWED["garment.png"])
    (folder / "inside" / "b.jpg").write_bytes(ALLOWED["garment.jpg"])
    (folder / "notes.txt").write_text("not a picture")
    return folder


def answers(capsys) -> list[dict]:
    return json.loads(capsys.readouterr().out)


def test_a_file_gives_label_and_ten_probabilities(pictures, capsys):
    assert main(["classify", str(pictures / "a.png"), "--json"]) == 0

    (answer,) = answers(capsys)
    assert answer["file"] == str(pictures / "a.png")
    assert list(answer["probabilities"]) == list(CLASSES)
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["probability"] == max(answer["probabilities"].values())
    assert answer["probabilities"][answer["label"]] == answer["probability"]
    assert answer["unsure"] is bool(answer["reason"])


def test_people_never_read_that_it_is_certain(pictures, capsys, monkeypatch):
    def certain(self, picture, **_):
        return Prediction("Bag", 1.0, dict.fromkeys(CLASSES, 0.0) | {"Bag": 1.0}, False, "", None)

    monkeypatch.setattr(Classifier, "classify", certain)
    assert main(["classify", str(pictures / "a.png")]) == 0
    assert capsys.readouterr().out == f"{pictures / 'a.png'}: Bag 99.9%\n"
    assert percent(0.99999, 1) == "99.9%" and percent(1.0) == "99%" and percent(0.934) == "93%"


def test_what_may_be_none_of_the_classes_is_not_named(pictures, capsys, monkeypatch):
    chances = dict.fromkeys(CLASSES, 0.0) | {"Bag": 0.859}
    none = Prediction("Bag", 0.859, chances, True, "No garment.", None, none_of_these=True)
    monkeypatch.setattr(Classifier, "classify", lambda *_, **__: none)
    file = str(pictures / "a.png")

    assert main(["classify", file]) == 0
    said = capsys.readouterr().out
    assert said == f"{file}: unsure: No garment. If it were one of them: Bag 85.9%\n"
    assert main(["classify", file, "--json"]) == 0
    assert answers(capsys)[0]["none_of_these"] is True


def test_a_folder_is_searched_for_pictures(pictures, capsys):
    assert main(["classify", str(pictures), "--json"]) == 0

    names = [answer["file"] for answer in answers(capsys)]
    assert names == [str(pictures / "a.png"), str(pictures / "inside" / "b.jpg")]


@pytest.mark.parametrize(
    "drawing", [TEMPLATE, {"drawing": [[[0, 9, 9], [0, 0, 9]]]}, [[[0, 9, 9], [0, 0, 9]]]]
)
def test_strokes_in_either_format(drawing, tmp_path, capsys):
    file = tmp_path / "drawing.json"
    file.write_text(json.dumps(drawing))

    assert main(["classify", "--strokes", str(file), "--json"]) == 0

    assert answers(capsys)[0]["file"] == str(file)


def test_a_file_of_many_drawings_has_one_a_line(tmp_path, capsys):
    file = tmp_path / "drawings.ndjson"
    file.write_text((json.dumps(TEMPLATE) + "\n") * 3)

    assert main(["classify", "--strokes", str(file), "--json"]) == 0

    assert [answer["file"] for answer in answers(capsys)] == [f"{file}:{i}" for i in (1, 2, 3)]


def test_explaining_writes_steps_and_heat_map(pictures, tmp_path, capsys):
    args = ["classify", str(pictures), "--explain", str(tmp_path / "why"), "--json"]
    assert main(args) == 0

    for answer in answers(capsys):
        names = [file.rsplit("/", 1)[1] for file in answer["explained"]]
        assert names[0] == "1-picture.png" and names[-2] == f"{len(names) - 1}-network_input.png"
        assert "heat_map" in names[-1]
    assert len(list((tmp_path / "why").iterdir())) == 2


def test_text_output_names_file_and_label(pictures, capsys):
    main(["classify", str(pictures / "a.png")])

    line = capsys.readouterr().out
    assert line.startswith(f"{pictures / 'a.png'}: ") and any(name in line for name in CLASSES)


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_picture_ends_in_one_line_and_code_2(name, tmp_path, capsys):
    file = tmp_path / name
    file.write_bytes(REFUSED[name][0])

    assert main(["classify", str(file), "--json"]) == 2

    captured = capsys.readouterr()
    assert not captured.out and captured.err.count("\n") == 1
    assert name in captured.err and REFUSED[name][1] in captured.err


def test_one_bad_picture_does_not_cost_the_others_their_answers(pictures, capsys):
    (pictures / "bad.png").write_bytes(b"no picture")

    assert main(["classify", str(pictures), "--json"]) == 2

    assert ["error" in answer for answer in answers(capsys)] == [False, True, False]


def test_of_many_drawings_the_good_ones_are_answered(tmp_path, capsys):
    lines = [json.dumps(TEMPLATE), "{", json.dumps(TEMPLATE)]
    (tmp_path / "many.ndjson").write_text("\n".join(lines))

    assert main(["classify", "--strokes", str(tmp_path / "many.ndjson"), "--json"]) == 2

    assert ["label" in answer for answer in answers(capsys)] == [True, False, True]


def test_what_is_missing_or_empty_does_not_cost_the_others_their_answers(
    pictures, tmp_path, capsys
):
    (tmp_path / "empty").mkdir()
    files = [str(tmp_path / "empty"), str(pictures / "a.png")]

    assert main(["classify", *files, "--strokes", "missing.json", "--json"]) == 2

    assert ["label" in answer for answer in answers(capsys)] == [False, True, False]


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ([], "nothing to classify"),
        (["missing.png"], "missing.png: cannot read the file: No such file"),
        (["--strokes", "missing.json"], "missing.json: cannot read the file"),
        (["--strokes", "pyproject.toml"], "pyproject.toml: the drawing is not valid JSON"),
        (["docs", "--checkpoint", "nonesuch"], "unknown checkpoint 'nonesuch'"),
        (["docs", "--checkpoint", ""], "unknown checkpoint ''"),
    ],
)
def test_mistakes_name_their_cause(args, reason, capsys):
    assert main(["classify", *args]) == 2

    captured = capsys.readouterr()
    assert reason in captured.err and captured.err.count("\n") == 1


def test_a_folder_without_pictures_says_so(tmp_path, capsys):
    (tmp_path / "empty").mkdir()

    assert main(["classify", str(tmp_path / "empty")]) == 2

    assert "holds no picture" in capsys.readouterr().err


def test_an_empty_drawing_is_refused(tmp_path, capsys):
    (tmp_path / "drawing.json").write_text('{"strokes": []}')

    assert main(["classify", "--strokes", str(tmp_path / "drawing.json")]) == 2

    assert "the drawing is empty" in capsys.readouterr().err


def test_an_explanation_that_cannot_be_written_says_so(pictures, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")

    assert main(["classify", str(pictures / "a.png"), "--explain", str(tmp_path / "file")]) == 2

    assert "cannot write to" in capsys.readouterr().err


def test_what_a_folder_holds_besides_pictures_is_reported(pictures, capsys):
    (pictures / "scan.tif").write_bytes(b"....")

    assert main(["classify", str(pictures)]) == 0
    said = capsys.readouterr().err
    assert "left out 2 files" in said and "scan.tif" in said and "notes.txt" in said


def test_a_turned_picture_is_answered_as_one_that_was_turned(pictures, tmp_path, capsys):
    with Image.open(pictures / "a.png") as picture:
        picture.convert("RGB").rotate(90, expand=True).save(tmp_path / "turned.png")

    main(["classify", str(pictures / "a.png"), "--turn", "90", "--json"])
    main(["classify", str(tmp_path / "turned.png"), "--json"])

    first, second = (json.loads(line)[0] for line in capsys.readouterr().out.splitlines())
    assert first["probabilities"] == second["probabilities"]


def test_a_part_of_the_picture_is_answered_as_that_part_alone(pictures, tmp_path, capsys):
    with Image.open(pictures / "a.png") as picture:
        width, height = picture.size
        part = (width // 4, height // 4, width // 2, height // 2)
        left, top, *sides = part
        picture.crop((left, top, left + sides[0], top + sides[1])).save(tmp_path / "part.png")
    box = ",".join(map(str, part))
    assert main(["classify", str(pictures / "a.png"), "--crop", box, "--json"]) == 0
    (cropped,) = answers(capsys)
    assert main(["classify", str(tmp_path / "part.png"), "--json"]) == 0
    (alone,) = answers(capsys)
    assert cropped["probabilities"] == alone["probabilities"]


def a_large_page(file) -> tuple[int, int, int, int]:
    """A shop's page of 2,400×3,200 pixels; returns where the one large thing is on it."""
    page = Image.new("RGB", (2400, 3200), "white")
    ImageDraw.Draw(page).rectangle([640, 480, 1600, 1760], (40, 60, 120))
    ImageDraw.Draw(page).text((480, 2640), "49.90 in many colours", "black", font_size=90)
    page.save(file)
    return 640, 480, 960, 1280


def test_a_part_is_in_the_pixels_of_the_file_however_large(tmp_path, capsys):
    left, top, width, height = a_large_page(tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as page:
        page.crop((left - 80, top - 80, left + width + 80, top + height + 80)).save(
            tmp_path / "part.png"
        )
    box = f"{left - 80},{top - 80},{width + 160},{height + 160}"

    main(["classify", str(tmp_path / "page.png"), "--crop", box, "--json"])
    main(["classify", str(tmp_path / "part.png"), "--json"])

    first, second = (json.loads(line)[0] for line in capsys.readouterr().out.splitlines())
    for label, chance in first["probabilities"].items():
        assert second["probabilities"][label] == pytest.approx(chance, abs=0.02)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [(), ("--crop", "160,80,2200,3000")])
def test_what_was_looked_at_is_said_in_pixels_of_the_file(turn, crop, tmp_path, capsys):
    left, top, width, height = a_large_page(tmp_path / "page.png")

    main(["classify", str(tmp_path / "page.png"), "--turn", str(turn), *crop, "--json"])

    looked = answers(capsys)[0]["looked_at"]
    near = 10  # pixels of the file: it was looked for in a smaller picture
    assert looked[0] <= left + near and left + width <= looked[0] + looked[2] + near
    assert looked[1] <= top + near and top + height <= looked[1] + looked[3] + near < 2600


@pytest.mark.parametrize("box", ["1,2,3", "9000,9000,50,50"])
def test_a_box_that_cannot_be_says_why(box, pictures, capsys):
    assert main(["classify", str(pictures / "a.png"), "--crop", box]) == 2
    error = capsys.readouterr().err
    assert "X,Y" in error or "outside of the picture" in error


def test_a_part_too_small_to_show_anything_says_so(tmp_path, capsys):
    a_large_page(tmp_path / "page.png")
    assert main(["classify", str(tmp_path / "page.png"), "--crop", "2000,3000,20,20"]) == 2
    assert "too small a part" in capsys.readouterr().err
    assert main(["classify", str(tmp_path / "page.png"), "--crop", "2380,100,500,500"]) == 2
    assert "2380,100,500,500 is too small a part" in capsys.readouterr().err
    assert main(["classify", str(tmp_path / "page.png"), "--crop", "2400,3000,20,20"]) == 2
    assert "which is 2400×3200 pixels" in capsys.readouterr().err


def test_of_a_crowded_picture_it_says_what_was_looked_at(tmp_path, capsys):
    page = Image.new("RGB", (300, 400), "white")
    ImageDraw.Draw(page).rectangle([80, 60, 200, 220], (40, 60, 120))
    ImageDraw.Draw(page).text((60, 330), "49.90 in many colours", "black")
    page.save(tmp_path / "page.png")

    assert main(["classify", str(tmp_path / "page.png"), "--json"]) == 0
    (answer,) = answers(capsys)
    left, top, width, height = answer["looked_at"]
    assert left <= 80 and top <= 60 and left + width >= 200 and top + height < 330

    assert main(["classify", str(tmp_path / "page.png")]) == 0
    assert f"--crop {left},{top},{width},{height}" in capsys.readouterr().out


def test_of_two_garments_it_names_the_part_of_each(tmp_path, capsys):
    page = Image.new("RGB", (400, 200), "white")
    for left in (40, 250):
        ImageDraw.Draw(page).rectangle([left, 40, left + 110, 160], (40, 60, 120))
    page.save(tmp_path / "two.png")

    main(["classify", str(tmp_path / "two.png"), "--json"])
    boxes = [thing["box"] for thing in answers(capsys)[0]["several"]]
    main(["classify", str(tmp_path / "two.png")])
    printed = capsys.readouterr().out

    assert len(boxes) == 2 and boxes[0][0] < boxes[1][0]
    assert all(f"--crop {','.join(map(str, box))}: " in printed for box in boxes)
