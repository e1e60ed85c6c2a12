check:  ## what a change must pass
	ruff check .
	ruff format --check .
	mypy
	pytest

.PHONY: check
