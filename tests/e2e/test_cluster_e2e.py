"""A run on the cluster from the Train page, in a real browser: launch, watch, stop, resume."""

import re

import pytest
from harness import running_app, visit
from playwright.sync_api import expect
from ray_cluster import ray_cluster, settings_for, stop_follower
from test_train_e2e import PATIENCE, start_small_run, wait_for_state

from vggcore.machine.files import read_json

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.slow]


def test_the_train_page_trains_on_the_cluster(browser, tmp_path):
    runs, run = tmp_path / "runs", tmp_path / "runs" / "far"
    with ray_cluster(cpus=1) as cluster:
        settings = settings_for(cluster, str(tmp_path / "store"))
        with running_app(runs, **settings) as app, visit(browser, app, "train") as page:
            expect(page.get_by_text("the cluster at 127.0.0.1")).to_be_visible()
            expect(page.get_by_text("Reserves")).to_be_visible()
            start_small_run(page, "far", epochs=40)
            wait_for_state(page, "on the cluster")
            wait_for_state(page, "running")
            page.get_by_test_id("stPlotlyChart").first.wait_for(timeout=PATIENCE)
            wait_for_file(page, run / "best.json")
            page.get_by_role("button", name="Stop").click()
            wait_for_state(page, "stopped")
            stopped_at = read_json(run / "status.json")["step"]
            found = page.get_by_role("link", name="Open in Classify")
            expect(found).to_have_attribute("href", re.compile("network=far"))
            page.get_by_role("button", name="Resume").click()
            wait_for_state(page, "running")
            resumed_at = read_json(run / "status.json")["step"]
        stop_follower(runs)

    assert resumed_at >= stopped_at > 0


def wait_for_file(page, file) -> None:
    for _ in range(PATIENCE // 100):
        if file.exists():
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{file} is missing")
