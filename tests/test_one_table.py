"""A new variant, width, preset, recipe field and language: one line in one table each."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("vggcore", "dashboard", "pages", "streamlit_app.py", ".streamlit")
ADDED = {  # in each file: what is added, and before what
    "vggcore/model/architectures.py": {
        'Configuration("F", "VGG-22", _blocks((64,) * 3, (128,) * 4, *[(256,) * 4] * 3)), ': (
            'Configuration("E", "VGG-19"'
        ),
        '"5/8", ': '"3/4", "1", "3/2"',
    },
    "vggcore/model/presets.py": {
        '"mine": Preset(summary="Mine", reaches="", audience="for me", '
        'spec=VGGSpec(configuration="F", width="5/8", image_size=32, head="pool"), '
        "train=TrainConfig(warmth=0.5)), ": '"fast": Preset('
    },
    "vggcore/model/recipe.py": {
        'warmth: float = option(0.0, "how warm", low=0.0, high=1.0, group="augmentation")\n    ': (
            "flip: bool = option("
        )
    },
    "dashboard/shared/language.py": {
        '"fr": Language("Français", "fr"), ': '"en": Language("English"),'
    },
}
WALK = """
import contextlib, io, sys
from pathlib import Path

from streamlit.testing.v1 import AppTest

from vggcore.commands import cli
from vggcore.model import anatomy, source
from vggcore.model.architectures import VGGSpec
from vggcore.model.presets import PRESETS
from vggcore.model.recipe import TrainConfig
from vggcore.runs.limits import Limits
from vggcore.training import cost

MINE = PRESETS["mine"]


def printed(line):
    with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(SystemExit):
        cli.main(line.split())
    return text.getvalue()


def holds(text, *parts):
    assert all(part in text for part in parts), (parts, text)


app = AppTest.from_file(str(Path("streamlit_app.py").resolve()), default_timeout=120)
app.query_params["lang"] = "fr"
for page in ("compare", "learn", "overview", "train"):  # those that list them
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception, (page, app.exception)
    if page == "compare":
        holds([button.label for button in app.button], "English", "中文")
        holds(app.button_group(key="networks").options, "VGG-22")
        holds(app.select_slider(key="ratio").options, "5/8")
        holds(list(app.dataframe[0].value.name), "VGG-22")
    if page == "learn":
        assert app.title[0].value == "Apprendre"
    if page == "train":
        app.radio(key="train-preset").set_value("mine").run()
        assert not app.exception
        holds(app.selectbox(key="train-mine-configuration").options, "F · VGG-22")
        holds(app.selectbox(key="train-mine-width").options, "5/8")
        assert app.number_input(key="train-mine-warmth").value == 0.5

holds(printed("compare --configurations F --format csv"), "VGG-22", ",22,")
holds(printed("compare --diff A vgg22-bn"), "VGG-22-BN")
holds(printed("compare --configurations F --layers --width 5/8"), "block2.conv4")
holds(printed("train --help"), "--warmth", "mine: Mine")
holds(printed("runs launch --help"), "--warmth", "mine: Mine")
assert anatomy.published_checks(VGGSpec(configuration="F", in_channels=3, num_classes=1000)) == []
assert "mine" in Limits.read({"VGGCORE_PUBLIC": "1", "VGGCORE_PUBLIC_PRESETS": "mine"}).presets
assert TrainConfig.from_dict(MINE.train.to_dict()) == MINE.train
assert cost.estimate(MINE.spec, MINE.train).memory_bytes > 0
exec(source.source(MINE.spec), {})
"""


def test_each_takes_one_line(tmp_path):
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tmp_path / part)
    for name, additions in ADDED.items():
        text = (tmp_path / name).read_text("utf-8")
        for added, before in additions.items():
            assert text.count(before) == 1
            text = text.replace(before, added + before)
        (tmp_path / name).write_text(text, "utf-8")
    french = Catalog(locale="fr")
    french.add("Learn", "Apprendre")
    folder = tmp_path / "dashboard" / "locales" / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "dashboard.mo").open("wb") as stream:
        write_mo(stream, french)

    done = subprocess.run(
        [sys.executable, "-c", WALK],
        cwd=tmp_path,
        env=os.environ | {"VGGCORE_CHECKPOINTS": str(ROOT / "checkpoints"), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr[-3000:]
