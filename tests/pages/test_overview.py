import json
import subprocess
import sys
from pathlib import Path

from streamlit.testing.v1 import AppTest

from vggcore.model.architectures import VGGSpec

ROOT = Path(__file__).resolve().parents[2]


def overview() -> AppTest:
    return AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()


def test_the_overview_says_what_this_is():
    page = overview()

    assert not page.exception
    assert page.title[0].value == "VGG networks on clothing"
    assert len(page.subheader) >= 4


def test_a_damaged_card_is_reported_and_the_rest_still_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path))
    (tmp_path / "broken.json").write_text("{")
    good = {
        "spec": VGGSpec().to_dict(),
        "preprocessing": {},
        "classes": [],
        "sha256": "",
        "network": "VGG-11",
    }
    (tmp_path / "whole.json").write_text(json.dumps(good))

    page = overview()

    assert not page.exception
    assert "broken.json" in page.warning[0].value
    assert any("whole" in text.value for text in page.markdown)


def test_the_app_opens_before_torch_is_imported():
    code = (
        "import sys; from streamlit.testing.v1 import AppTest;"
        "page = AppTest.from_file('streamlit_app.py', default_timeout=60).run();"
        "assert not page.exception; assert 'torch' not in sys.modules"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr[-500:]
