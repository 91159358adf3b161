# make demo           runs the whole path on lines it draws itself
# make test           passes the tests
# make lint           checks style and types
# make test-engines   runs the jobs on Flink and Spark, and commands in HDFS and other stores, which it fetches; needs
#                     Java 17 and Maven, and npm for Azure
# Each sets up .venv first; nothing else is needed but Python 3.11 or 3.12.
# make test-latest   passes the tests with the newest TensorFlow and NumPy, in .venv-latest; Python 3.11 to 3.13

VENV := .venv
LATEST := .venv-latest
RUN := $(VENV)/bin/python
READY := $(VENV)/ready
DEMO := demo
TYPES := build/types/densenet_ocr
WIDTH := 88

.PHONY: demo test test-latest test-engines lint clean

demo: $(READY)
	rm -rf $(DEMO)
	mkdir -p $(DEMO) && printf '%s\n' blank 0 1 2 3 4 5 6 7 8 9 > $(DEMO)/charset.txt
	for split in train=6000 test=500; do \
	  $(RUN) -m beam_jobs.synthesize --fonts=pillow --text=charset --length=3-4 --charset=$(DEMO)/charset.txt \
	    --split=$${split%=*} --lines=$${split#*=} --image_width=$(WIDTH) --output=$(DEMO)/lines \
	    --write=images || exit 1; \
	done
	for split in train test; do \
	  $(RUN) -m beam_jobs.convert --list=$(DEMO)/lines/$$split.txt --image_root=$(DEMO)/lines \
	    --charset=$(DEMO)/charset.txt --output=$(DEMO)/data --split=$$split \
	    --image_width=$(WIDTH) --image_encoding=uint8 || exit 1; \
	done
	$(RUN) -m beam_jobs.describe --data=$(DEMO)/data --picture=$(DEMO)/data.png --lines=18
	$(RUN) -m model.train --data=$(DEMO)/data --run=$(DEMO)/run --batch_size=16 --epochs=2 \
	  --preset=recommended
	$(RUN) -m model.evaluate --model=$(DEMO)/run --data=$(DEMO)/data --split=test --picture=$(DEMO)/readings.png
	$(RUN) -m model.predict --model=$(DEMO)/run $$(ls $(DEMO)/lines/test/*/*.jpg | tail -n 5)
	@echo "What it learned from: $(DEMO)/data.png. Lines with truth and reading: $(DEMO)/readings.png"

test: $(READY)
	$(RUN) -m pytest -n 2 --dist loadscope --no-loadscope-reorder

test-latest: $(LATEST)/ready
	$(LATEST)/bin/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder -rs

test-engines: $(READY)
	$(RUN) -m tests.engines.downloads
	$(RUN) -m pytest tests/engines/engines_check.py tests/engines/hdfs_check.py tests/engines/stores_check.py

lint: $(READY)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	mkdir -p $(TYPES) && cp densenet_ocr/* $(TYPES)
	for folder in pipeline model beam_jobs; do ln -sfn $(CURDIR)/$$folder $(TYPES)/$$folder; done
	cd $(TYPES)/.. && MYPYPATH=. $(CURDIR)/$(RUN) -m mypy --cache-dir=$(CURDIR)/.mypy_cache \
	  --config-file=$(CURDIR)/pyproject.toml -p densenet_ocr

clean:
	rm -rf $(VENV) $(LATEST) $(DEMO) *.egg-info

$(READY): LOCK := requirements.lock
$(READY): PYTHONS := $(or $(PYTHON),python3.11 python3.12 python3 python)
$(READY): NEWEST := 12
$(LATEST)/ready: LOCK := requirements-latest.lock
$(LATEST)/ready: PYTHONS := $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)
$(LATEST)/ready: NEWEST := 13
$(READY): requirements.lock
$(LATEST)/ready: requirements-latest.lock

# A version that stands on the PATH may still not run (pyenv's stubs), so each candidate is tried.
$(READY) $(LATEST)/ready: pyproject.toml
	@rm -f $@; \
	for python in $(PYTHONS); do \
	  if $$python -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, $(NEWEST)))' \
	    2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "$(@D) needs Python 3.11 to 3.$(NEWEST) with venv, and none of these is one: $(PYTHONS)." >&2; \
	  echo "Install one, or name it: make PYTHON=/path/to/python3.$(NEWEST)" >&2; exit 1; \
	fi; \
	echo "Setting up $(@D) with $$($$found --version); about 1 GB to fetch, some minutes"; \
	$$found -m venv --clear $(@D) && \
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK) && \
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . && \
	touch $@
