check:  ## what a change must pass
	ruff check .
	ruff format --check .
	pytest

.PHONY: check
