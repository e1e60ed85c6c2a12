"""No page speaks English to a Chinese visitor, in whatever state it is."""

import errno
import json
import os
import re
from pathlib import Path

import own_pictures
import pytest
import torch
from page_texts import texts, words
from streamlit.testing.v1 import AppTest
from untrained import save_untrained

from dashboard.classify import correct
from dashboard.learn.steps import STEPS
from dashboard.shared import deployment, language
from dashboard.train import rate
from vggcore import runs
from vggcore.commands import doctor
from vggcore.data import raw_files
from vggcore.data.own import places
from vggcore.data.raw_files import DataMissing
from vggcore.machine import paths
from vggcore.machine.files import FileError
from vggcore.machine.messages import Message
from vggcore.model.presets import PRESETS
from vggcore.runs import folder as run_folder
from vggcore.runs import locks, recorded, status
from vggcore.training import out_of_memory
from vggcore.training.find_rate import Sweep
from vggcore.training.progress import Progress

ROOT = Path(__file__).resolve().parents[2]
SQUARE = [[60, 60], [200, 60], [200, 200], [60, 200], [60, 60]]
DRAWING = json.dumps({"canvas": 256, "strokes": [{"tool": "brush", "size": 8, "points": SQUARE}]})
# What is written in Latin letters in Chinese texts, too.
NAMES = set("""
    VGG LRN BN LRN-BN A-LRN ReLU MAC MACs GMAC MMAC FLOPs GFLOP CPU GPU CUDA NVIDIA AMD EPYC
    MB GB kB px UTC zip PyTorch torchvision TensorBoard Hugging Face hub Fashion-MNIST MNIST
    ImageNet LaTeX Markdown Python ONNX CSV HTML PNG SVG JSON English Adam AdamW Muon SGD Mixup
    Cutmix cutout Dropout Beta alpha Grad-CAM t-SNE top Ctrl Ray Kaiming Xavier Wilson ECE EMA
    torch numpy pandas streamlit plotly cu safetensors README md cuda cpu mps fc float fashion-mnist
    vgg bn cifar synthetic wild docs garments-dev
""".split())  # fmt: skip
# Values of settings and names of recipes, as in the commands: only alone, or in quotes.
VALUES = set("""
    adam adamw muon sgd all auto best bf fp constant corrections deeper fast kaiming one-cycle own
    own-from-wild pad paper pictures resize try-out tutorial xavier pool kmnist qmnist mnist
    emnist-letters LICENSE nan
""".split())  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Runs in every state, and a set of pictures."""
    place = tmp_path_factory.mktemp("chinese")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VGGCORE_RUNS", str(place / "runs"))
        patch.setenv("VGGCORE_PICTURES", str(place / "pictures"))
        patch.setenv("VGGCORE_CACHE", str(place / "cache"))
        held = _runs_in_every_state()
        places.keep_zip("p-mine", own_pictures.zipped())
    yield place
    for lock in held:
        os.close(lock)


# Punctuation of English beside a Chinese word, and a space after Chinese punctuation.
_HALF_WIDTH = re.compile(r"[一-鿿”）] ?[,;:!?(]|[),;:!?] ?[一-鿿“（]|[，。；：？！（）] (?!\s)")

_MARKUP = re.compile(r"`[^`]*`|:material/\w+:|:[\w-]+\[")


def _as_word(markup: re.Match) -> str:
    return "code" if markup[0][0] == "`" else ""


def _unless_a_value(quoted: re.Match) -> str:
    return "" if quoted[1] in VALUES else quoted[1]


def _run(name: str, state: str, message: str = "", *, group: str = "", rows: int = 0, **values):
    """A run's folder, as a trainer leaves it."""
    preset = PRESETS["fast"]
    folder = run_folder.create(
        paths.runs_dir() / name, preset.spec, preset.train, preset="fast", group=group
    )
    report = dict(step=rows, total_steps=max(rows, 60), epoch=1, epochs=2, seconds=61.0)
    folder.write_status(state, message=message, **(report if rows else {}))
    row = {"train_loss": 0.4, "train_accuracy": 0.9, "learning_rate": 0.001, "memory_bytes": 1e6}
    for step in range(1, rows + 1):
        at = {"step": step, "epoch": step / 30, "seconds": step / 10, "images_per_second": 100.0}
        folder.append_metrics(row | at | {"kind": "step"} | values)
        if step % 30 == 0:
            scores = {"val_loss": 0.4, "val_accuracy": 0.91, "confusion": [[10] * 10] * 10}
            ended = scores | {"kind": "epoch", "epoch": step // 30}
            folder.append_metrics(row | at | ended)
    return folder


def _runs_in_every_state() -> list[int]:
    """Makes the folders; returns the locks that keep the living ones alive."""
    tensor = torch.zeros(8, 1)
    finished = _run("r-whole", "finished", rows=60)
    finished.append_event(3, 1.0, Message("continues without CUDA graphs: {error}", error="…"))
    (finished.path / "best.json").write_text(json.dumps({"val_accuracy": 0.91}))
    _run("r-memory", "failed", out_of_memory.advice(3, tensor, tensor, lambda *_: False), rows=30)
    _run("r-memory-2", "failed", out_of_memory.advice(3, tensor, tensor, lambda *_: True))
    nan = str(Progress(step=7).not_finite(Message("the loss")))
    _run("r-nan", "failed", nan, rows=7, train_loss=float("nan"))
    _run("r-crash", "running", rows=30)
    full = _run("r-full", "running")
    full.write_status("failed", message=status.no_room(full.path, FileError("", errno.ENOSPC)))
    limit = Message("stopped at its time limit of {minutes:g} min (max_minutes)", minutes=10)
    _run("r-limit", "stopped", limit, rows=30)
    stuck = _run("r-stuck", "finished", rows=400, train_loss=2.3026, train_accuracy=0.1)
    dead = {"gradients": [0, 0, 0, 0, 0, 0.3], "dead": [0, 0, 0, 0.2, 1.0], "spread": 0.7}
    stuck.append_metrics(dead | {"kind": "evidence", "step": 400})
    for seed in range(2):
        _run(f"g-two-{seed}", "finished", group="g-two", rows=60)
    living = [
        _run("r-reads", "starting", Message("preparing the pictures: {share:.0%}", share=0.5)),
        _run("r-waits", "queued"),
        _run("r-trains", "running", rows=30),
    ]
    return [lock for each in living if (lock := locks.take(each.path)) is not None]


@pytest.fixture
def chinese(place, monkeypatch):
    """Shows a page in Chinese, and fails where a word of it is English."""
    for name in ("runs", "pictures", "cache"):
        monkeypatch.setenv(f"VGGCORE_{name.upper()}", str(place / name))
    monkeypatch.setattr(deployment, "visitor", lambda: "me")
    names = [run.name for run in runs.list_runs()]
    allowed = NAMES | words(" ".join([*names, "g-two p-mine", *own_pictures.SHAPES]))

    def look(name: str, query: dict | None = None, **state) -> AppTest:
        page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
        page.switch_page(f"pages/{name}.py")
        page.query_params.update({"lang": "zh"} | (query or {}))
        for key, value in state.items():
            page.session_state[key] = value
        page.run()
        assert not page.exception
        known = allowed | words(" ".join([*(query or {}), *(query or {}).values()]))
        english = {}
        for text in texts(page):
            found = words(re.sub("“([^”]*)”", _unless_a_value, text)) - known
            if found and not (len(found) == 1 and found <= VALUES):
                english[text] = found
            elif marks := _HALF_WIDTH.findall(_MARKUP.sub(_as_word, text)):
                english[text] = marks
        assert not english, f"{name} {query}"
        return page

    # The test, too, names options as the page does.
    token = language._forced.set("zh")
    yield look
    language._forced.reset(token)


def test_runs_in_every_state(chinese):
    names = [run.name for run in runs.list_runs()]
    assert len(names) == 13

    chinese("train")
    for name in names:
        chinese("train", {"run": name})
    chinese("train", {"run": "gone"})
    chinese("train", {"group": "g-two"})
    for name in (*recorded.names(), "gone"):
        chinese("train", {"recorded": name})


def test_no_runs_yet_and_a_public_server(chinese, tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_RUNS", str(tmp_path / "none"))
    monkeypatch.setenv("VGGCORE_PICTURES", str(tmp_path / "none"))
    for name in ("train", "overview", "pictures"):
        chinese(name)
    monkeypatch.setenv("VGGCORE_PUBLIC", "1")
    for name in ("train", "pictures", "machine"):
        chinese(name)


@pytest.mark.parametrize(
    "found",
    [
        Sweep((1e-4, 1e-3), (2.3, 0.9), 1e-3, 1e-4, 1e-3),
        Sweep((1e-4, 1e-3), (2.3, 2.3), None),
        Sweep((), (), None),
    ],
)
def test_the_sweep_of_the_learning_rate(chinese, found):
    chinese("train", {"preset": "fast"}, **{rate._FOUND: (["--preset", "fast"], found)})


def test_every_step_of_learn(chinese):
    for step in STEPS:
        chinese("learn", {"step": step})


def test_every_view_of_compare(chinese):
    for view in ("Side by side", "Accuracy", "What changes", "One network", "Small kernels"):
        chinese("compare", {"view": view})


@pytest.mark.data
def test_every_section_of_results(chinese):
    for section in ("Scores", "Confusion", "Mistakes", "Disagreement", "Map", "Cost", "Download"):
        chinese("results", {"section": section, "network": "wild"})


def test_your_pictures(chinese):
    for section in ("Kept", "Collect", "Upload"):
        chinese("pictures", {"from": section})
    picture = own_pictures.picture("circle", 1)
    given = correct.Correction("Coat", "Shirt", own_pictures.encoded(picture), picture)
    for corrections in ([], [given]):
        chinese("pictures", {"from": "Corrections"}, corrections=corrections)


def no_network(root):
    raise DataMissing(Message("{packed} cannot be unpacked: {error}", packed=root, error="…"))


def test_answers_sure_and_unsure(chinese, tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setattr(raw_files, "_download", no_network)
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path))
    save_untrained(tmp_path / "checkpoints", "p-mine")
    for source in ("Draw", "Upload", "Camera", "Paste", "Sample"):
        chinese("classify", {"source": source})
    for thresholds in ({"evidence": 1e9}, {"probability": 1.0}, {"probability": 0.0}):
        file = tmp_path / "checkpoints" / "p-mine.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"unsure": thresholds}))
        chinese("classify", canvas={"drawing": DRAWING}, **{"drawing-explain": True})


def test_this_machine(chinese, monkeypatch):
    monkeypatch.setattr(doctor, "_training", lambda: (True, ""))
    monkeypatch.setattr(doctor, "_answer", lambda: (True, ""))
    chinese("machine", **{"machine-findings": list(doctor.examine())})
