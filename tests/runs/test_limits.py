import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from vggcore import runs
from vggcore.model.presets import PRESETS
from vggcore.model.recipe import TrainConfig
from vggcore.runs import launching, limits
from vggcore.runs.limits import Limits, NotAllowed

PUBLIC = {"VGGCORE_PUBLIC": "1", "VGGCORE_PUBLIC_TRAINING": "1", "VGGCORE_OWNER_PASSWORD": "secret"}


@pytest.fixture(autouse=True)
def a_run_that_only_waits(monkeypatch):
    """Launched runs keep their lock and do nothing: only the limits are tested."""
    held = []
    monkeypatch.setattr(launching, "start", lambda path, how, lock: held.append(lock))
    yield
    for lock in held:
        os.close(lock)


def launch(settings: dict, preset="try-out", train=None, visitor="me") -> runs.Run:
    train, spec = train or PRESETS[preset].train, PRESETS[preset].spec
    allowed = Limits.read(settings)
    return runs.launch(spec, train, preset=preset, visitor=visitor, limits=allowed)


def test_a_private_deployment_has_no_caps():
    train = TrainConfig(epochs=900)

    assert launch({}, train=train).config["train"]["epochs"] == 900
    assert Limits.read({}).is_owner("")


def test_the_public_cannot_train_unless_the_owner_turns_it_on():
    with pytest.raises(NotAllowed, match="turned off"):
        launch({"VGGCORE_PUBLIC": "1"})


def test_the_environment_binds_where_no_limits_are_passed(monkeypatch):
    monkeypatch.setenv("VGGCORE_PUBLIC", "1")

    with pytest.raises(NotAllowed, match="turned off"):
        runs.launch(PRESETS["try-out"].spec, PRESETS["try-out"].train, preset="try-out")


def test_a_visitor_gets_the_preset_itself_under_the_caps():
    forged = TrainConfig(epochs=1000, batch_size=8192, init_from="/etc/passwd", seed=7)
    settings = PUBLIC | {"VGGCORE_PUBLIC_EPOCHS": "2", "VGGCORE_PUBLIC_MINUTES": "3"}

    train = launch(settings, train=forged).config["train"]

    assert (train["epochs"], train["max_minutes"], train["seed"]) == (2, 3.0, 7)
    assert train["batch_size"] == PRESETS["try-out"].train.batch_size and not train["init_from"]


def test_only_the_allowed_presets_train():
    with pytest.raises(NotAllowed, match="only its presets: try-out"):
        launch(PUBLIC, preset="best")
    with pytest.raises(NotAllowed):
        runs.launch(PRESETS["best"].spec, TrainConfig(), limits=Limits.read(PUBLIC))


def test_the_queue_is_capped_per_visitor_and_in_all():
    settings = PUBLIC | {"VGGCORE_PUBLIC_QUEUE": "2"}
    launch(settings)

    with pytest.raises(NotAllowed, match="one visitor may have 1"):
        launch(settings)
    launch(settings, visitor="you")
    with pytest.raises(NotAllowed, match="the queue is full"):
        launch(settings, visitor="they")


def test_the_disk_share_is_capped():
    launch(PUBLIC)

    with pytest.raises(NotAllowed, match="space for runs"):
        launch(PUBLIC | {"VGGCORE_PUBLIC_DISK_GB": "0.0000001"}, visitor="you")


def test_only_the_owner_changes_what_others_see():
    run, allowed = launch(PUBLIC), Limits.read(PUBLIC)

    with pytest.raises(NotAllowed, match="password"):
        runs.delete(run.name, limits=allowed)
    with pytest.raises(NotAllowed, match="password"):
        runs.rename(run.name, "mine", password="guess", limits=allowed)
    with pytest.raises(NotAllowed, match="password"):
        runs.promote(run.name, "mine", limits=allowed)
    with pytest.raises(runs.RunError, match="stop it before"):
        runs.delete(run.name, password="secret", limits=allowed)


def test_a_visitor_stops_only_own_runs():
    run, allowed = launch(PUBLIC, visitor="me"), Limits.read(PUBLIC)

    with pytest.raises(NotAllowed, match="another visitor's run"):
        runs.stop(run.name, visitor="you", limits=allowed)
    assert runs.stop(run.name, visitor="me", limits=allowed).state == "stopping"


def test_without_a_password_nobody_is_the_owner():
    allowed = Limits.read({"VGGCORE_PUBLIC": "true"})

    assert not allowed.is_owner("") and not allowed.is_owner("anything")


def test_a_password_cannot_be_guessed_fast(monkeypatch, caplog):
    now = 100.0
    monkeypatch.setattr(limits, "_guesses", limits._Guesses())
    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: now))
    stranger = replace(Limits.read(PUBLIC), address="192.0.2.7")

    def attempt(password: str, who: Limits = stranger) -> str:
        with pytest.raises(NotAllowed) as refused:
            who.require_owner(password, "deleting a run")
        return str(refused.value)

    assert all("needs the password" in attempt(f"guess {n}") for n in range(5))
    assert "in 10 s" in attempt("secret")  # not even the right one is tried
    assert len(caplog.records) == 5 and "192.0.2.7" in caplog.text and "guess" not in caplog.text
    replace(stranger, address="192.0.2.8").require_owner("secret", "deleting a run")
    now += 10
    attempt("guess 6")
    assert "in 20 s" in attempt("guess 7")
    now += 20
    stranger.require_owner("secret", "deleting a run")
    assert "needs the password" in attempt("guess 8")  # the count starts anew
    assert all("needs the password" in attempt("") for _ in range(9))  # nothing typed: no guess


@pytest.mark.parametrize("value", ["many", "-1", "nan", "inf"])
def test_a_mistake_in_the_settings_is_named(value):
    with pytest.raises(ValueError, match="VGGCORE_PUBLIC_EPOCHS"):
        limits.Limits.read(PUBLIC | {"VGGCORE_PUBLIC_EPOCHS": value})
