"""Damaged and hostile pictures: never a traceback, never much memory or time.

The full run, with many more files, is `benchmarks/image_fuzz.py`.
"""

import pytest
from image_mutations import (
    MAX_MEGABYTES,
    MAX_SECONDS,
    bombs,
    mutants,
    open_or_refuse,
    peak_memory,
    reset_peak_memory,
)


def test_mutants_are_opened_or_refused_in_one_line():
    before = reset_peak_memory()
    opened, slowest = 0, 0.0
    for name, data in mutants(4000, seed=7):
        try:
            taken, seconds = open_or_refuse(data)
        except Exception as error:
            pytest.fail(f"{name}: {type(error).__name__}: {error}")
        opened += taken
        slowest = max(slowest, seconds)

    assert 400 < opened < 3600  # else the mutations are too mild or too wild to test anything
    assert slowest < MAX_SECONDS
    assert peak_memory() - before < MAX_MEGABYTES


def test_bombs_cost_little():
    for name, data in bombs().items():
        before = reset_peak_memory()

        _, seconds = open_or_refuse(data)

        assert seconds < MAX_SECONDS, name
        assert peak_memory() - before < MAX_MEGABYTES, name
