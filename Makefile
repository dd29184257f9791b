PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test bench pictures clean

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: $(VENV)/.ready
	@echo 'What must an attacker do so that compaction skips a folio for ever? Each policy of the thread:'
	@echo '(some minutes, on two cores)'
	@$(BIN)/racecheck compare models/compaction.py || test $$? -eq 1
	@echo
	@echo 'Can a reader without a lock see fewer references than mappings?'
	@$(BIN)/racecheck check models/snapshot.py -p page=file -p maps=3 --save-traces build/demo \
	    --property 'no snapshot shows refcount below mapcount' || test $$? -eq 1
	@echo
	@echo 'The trace, run again, by the interpreter and as ordinary Python:'
	@$(BIN)/racecheck replay --native build/demo/*.trace.json

test: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto -q

bench: $(VENV)/.ready
	$(BIN)/python bench/run.py

pictures: $(VENV)/.ready
	grep '^\$$ racecheck' docs/pictures.md \
	    | sed 's#^\$$ ##; s#^racecheck check.*#& >/dev/null || test $$? -eq 1#' | PATH=$(BIN):$$PATH sh -e
	$(BIN)/racecheck render models/snapshot.py -o build/page.html
	chromium --headless --no-sandbox --disable-gpu --window-size=1400,1500 \
	    --screenshot=docs/pictures/page.png build/page.html 2>/dev/null

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
