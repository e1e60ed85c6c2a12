"""Sample answers and confusion, epoch by epoch."""

from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard.train import over_epochs


def row(epoch: int, sure: float, label: int = 0, said: int = 0) -> dict:
    chances = [0.0] * 10
    chances[said] = sure
    confusion = [[0] * 10 for _ in range(10)]
    confusion[0][epoch % 10] = 7
    return {"epoch": epoch, "confusion": confusion, "samples": [[label, chances]]}


def script(count: int, folder: str):
    from pathlib import Path

    from dashboard.train import over_epochs

    def row(epoch: int, sure: float) -> dict:
        confusion = [[0] * 10 for _ in range(10)]
        return {"epoch": epoch, "confusion": confusion, "samples": [[0, [sure, *[0.0] * 9]]]}

    rows = [row(epoch, epoch / 10) for epoch in range(1, count + 1)]
    over_epochs.show("a", rows, Path(folder))


def test_the_slider_follows_the_newest_epoch_until_somebody_moves_it(tmp_path):
    Image.new("L", (28, 28)).save(tmp_path / "samples.png")
    page = AppTest.from_function(script, kwargs={"count": 2, "folder": str(tmp_path)}).run()
    assert not page.exception and not page.select_slider  # nothing is drawn before it is open
    page.session_state["epochs-a"] = True
    page.run()
    assert not page.exception and page.select_slider[0].value == 2
    assert "20%" in page.get("html")[0].proto.body

    page.session_state["over-epochs-a"] = 1
    page.run()
    assert page.select_slider[0].value == 1 and "10%" in page.get("html")[0].proto.body

    for is_open in (False, True):
        page.session_state["epochs-a"] = is_open
        page.run()
    assert page.select_slider[0].value == 1


def test_new_epochs_move_a_slider_that_nobody_touched(monkeypatch):
    state = {}
    monkeypatch.setattr(over_epochs.st, "session_state", state)
    monkeypatch.setattr(over_epochs.st, "select_slider", lambda _, options, key: state[key])
    assert over_epochs._chosen("k", [1, 2]) == 2
    assert over_epochs._chosen("k", [1, 2, 3]) == 3
    state["k"] = 1
    assert over_epochs._chosen("k", [1, 2, 3]) == 1
    assert over_epochs._chosen("k", [1, 2, 3, 4]) == 1
    assert over_epochs._chosen("k", [9, 10]) == 10  # another run under the same name


def test_a_wrong_answer_says_what_it_is():
    tiles = [Image.new("RGB", (8, 8))]
    shown = over_epochs.samples_html(tiles, row(1, 0.53, label=6, said=4)["samples"])
    assert "✗ Coat 53%" in shown and "is Shirt" in shown
    assert "✓ Coat 53%" in over_epochs.samples_html(tiles, row(1, 0.53, 4, 4)["samples"])


def test_pictures_that_do_not_fit_the_samples_are_left_out(tmp_path):
    file = tmp_path / "samples.png"
    samples = row(1, 0.5)["samples"]
    assert over_epochs._tiles(file, samples) == []
    file.write_bytes(b"no picture")
    assert over_epochs._tiles(file, samples) == []
    Image.new("L", (56, 28)).save(file)
    assert over_epochs._tiles(file, samples) == []
    assert over_epochs._tiles(file, None) == []
    Image.new("L", (28, 28)).save(file)
    assert len(over_epochs._tiles(file, samples)) == 1
