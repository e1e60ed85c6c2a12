check:  ## what a change must pass
	ruff check .
	ruff format --check .
	mypy
	pytest

coverage:  ## which lines no test runs; below 90 % it fails
	pytest --all --cov --cov-report=term:skip-covered

.PHONY: check coverage
