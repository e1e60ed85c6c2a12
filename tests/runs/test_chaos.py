import pytest

from benchmarks import runs_chaos


@pytest.mark.slow
def test_random_kills_lose_nothing_and_leave_nothing_behind():
    world = runs_chaos.chaos(cycles=16, seed=3, stand_in=True, patience=120)

    assert world.broken == []
    assert world.launched == 3 and sum(world.happened.values()) > 20
