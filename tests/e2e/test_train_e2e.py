"""The Train page's promise, in a real browser: close everything, come back, and it is all true."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness import PROJECT, choose, running_app, settle, visit
from playwright.sync_api import expect

from vggcore.machine.file_lock import is_locked
from vggcore.runs import locks
from vggcore.runs.status import read_status

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PATIENCE = 900_000  # milliseconds: a run gives way to all others, and takes minutes beside them


def start_small_run(page, name: str, epochs: int) -> None:
    """Fill in the form for a quick run on synthetic garments, and start it."""
    page.set_default_timeout(PATIENCE)
    page.get_by_text("try-out", exact=True).click()
    page.get_by_label("Name").fill(name)
    page.get_by_text("Network", exact=True).click()
    choose(page, "Width factor", "1/16")
    page.get_by_text("Recipe in detail", exact=True).click()
    choose(page, "Data set", "synthetic")
    for label, value in (("Training images at most", 512), ("Epochs", epochs), ("Batch size", 16)):
        field = page.get_by_label(label, exact=True)
        field.fill(str(value))
        field.press("Enter")
        settle(page)
    page.get_by_role("button", name="Start training").click()
    page.wait_for_function(
        """name => location.search.includes(`run=${name}`)
                || document.querySelector('[data-testid="stAlertContentError"]')""",
        arg=name,
        timeout=PATIENCE,
    )
    refused = page.get_by_test_id("stAlertContentError")
    assert not refused.count(), refused.first.inner_text()


def wait_for_state(page, state: str) -> None:
    badge = page.locator(".stMarkdownBadge", has_text=state)
    badge.first.wait_for(timeout=PATIENCE)


def wait_until(done) -> None:
    deadline = time.monotonic() + PATIENCE / 1000
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def pause_after_first_step(run: Path) -> int:
    """Stop the trainer's clock, so that a short run lasts as long as the test; returns its pid."""
    wait_until(lambda: read_status(run).step)
    pid = locks.holder(run)
    os.kill(pid, signal.SIGSTOP)
    return pid


def uninterrupted(run, folder):
    """The same run in a process of its own, from the same config, to its end."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes((run / "config.json").read_bytes())
    return subprocess.Popen(
        [sys.executable, "-m", "vggcore", "train", "--from-config", str(folder), "--json"],
        cwd=PROJECT,
        env=os.environ | {"VGGCORE_RUNS": str(folder.parent)},
        stdout=subprocess.PIPE,
    )


def test_a_run_outlives_page_and_server_and_ends_with_the_weights_of_an_uninterrupted_one(
    browser, tmp_path
):
    runs, run = tmp_path / "runs", tmp_path / "runs" / "mine"
    with running_app(runs) as app:
        with visit(browser, app, "train") as page:
            start_small_run(page, "mine", epochs=4)
            trainer = pause_after_first_step(run)
            reference = uninterrupted(run, tmp_path / "other" / "mine")
            wait_for_state(page, "running")
            page.get_by_role("link", name="Overview").first.click()
            settle(page)
            page.get_by_role("link", name="Train").first.click()
            page.get_by_role("link", name="mine").click()
            wait_for_state(page, "running")
            page.reload()
            wait_for_state(page, "running")
        os.kill(app.pid, signal.SIGKILL)
    assert is_locked(run / "lock"), "the run went down with the server"
    with running_app(runs) as app, visit(browser, app, "train?run=mine") as page:
        with visit(browser, app, "train?run=mine") as second:
            wait_for_state(page, "running")
            wait_for_state(second, "running")
            page.get_by_role("button", name="Stop").click()
            wait_until((run / "stop").exists)
            os.kill(trainer, signal.SIGCONT)
            wait_for_state(page, "stopped")
            wait_for_state(second, "stopped")
            second.get_by_role("button", name="Resume").click()
            wait_for_state(second, "finished")
            page.reload()  # a page no longer asks about a stopped run
            wait_for_state(page, "finished")
            page.get_by_role("link", name="Open in Classify").wait_for()
            page.get_by_test_id("stPlotlyChart").first.wait_for()
    summary = json.loads(reference.communicate()[0])
    ours = json.loads((run / "best.json").read_text())
    theirs = json.loads((tmp_path / "other" / "mine" / "best.json").read_text())
    assert ours["test_accuracy"] == summary["test_accuracy"]
    assert ours["sha256"] == theirs["sha256"]


COUNT_SENT = """
    window.sent = 0;
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (...data) { window.sent++; return send.apply(this, data); };
"""


def test_the_page_stops_asking_when_nothing_changes(app, open_page):
    run = app.runs / "done"
    run.mkdir(parents=True)
    (run / "config.json").write_text('{"name": "done", "spec": {}, "train": {}}')
    (run / "status.json").write_text('{"state": "finished", "step": 5, "total_steps": 5}')

    page = open_page("train?run=done", prepare=lambda page: page.add_init_script(COUNT_SENT))
    wait_for_state(page, "finished")
    page.wait_for_timeout(3000)
    before = page.evaluate("window.sent")

    page.wait_for_timeout(4000)

    assert before > 0 and page.evaluate("window.sent") == before


def test_a_run_at_chance_says_why_and_its_first_remedy_learns(app, open_page):
    """VGG-11 without batch norm at a rate that kills its units; then with batch norm."""
    command = "train --preset tutorial --configuration A --width 1/16 --image-size 32"
    command += " --dataset synthetic --train-limit 4000 --batch-size 32 --learning-rate 0.02"
    command += " --epochs 2 --run-dir"
    stuck = [sys.executable, "-m", "vggcore", *command.split(), str(app.runs / "stuck")]
    subprocess.run(stuck, cwd=PROJECT, check=True, capture_output=True)

    page = open_page("train?run=stuck")
    expect(page.get_by_text("Still at chance")).to_be_visible()
    expect(page.get_by_text("of the channels are dead")).to_be_visible()
    expect(page.get_by_text("gradient norm").first).to_be_visible()
    page.get_by_role("link", name="with batch norm").click()
    settle(page)
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url("**/train?run=tutorial-*", timeout=PATIENCE)
    name = page.url.split("run=")[1]
    wait_for_state(page, "finished")
    expect(page.get_by_text("Still at chance")).to_have_count(0)

    # 0.1 is chance, give or take 0.013; two epochs at this rate do not get far.
    summary = json.loads((app.runs / name / "status.json").read_bytes())["summary"]
    assert summary["best_val_accuracy"] > 0.2
