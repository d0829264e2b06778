# The commands that people and machines use. Each does its own set-up first and is safe to repeat.
PYTHON ?= python3.11
ifeq ($(shell command -v $(PYTHON) 2>/dev/null),)
PYTHON := python3
endif
VENV := .venv/bin

.PHONY: run setup dev check fmt test e2e chaos bench demo-image-model vendor messages clean

run: ## everything a fresh machine needs, then the product
	@$(PYTHON) kb_project/bootstrap.py
	@exec $(VENV)/python -m kb_project.supervisor

setup: ## environment, models, translations, static files, database; idempotent
	@$(PYTHON) kb_project/bootstrap.py
	@$(VENV)/python -m kb_project.setup

dev: ## the tools of `check` and `test` on top
	@$(PYTHON) kb_project/bootstrap.py --dev

check: dev ## static checks
	@$(VENV)/python -m kb_project.messages
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/djlint templates --check --lint --quiet
	$(VENV)/python manage.py makemigrations --check --dry-run

fmt: dev
	$(VENV)/ruff check --fix .
	$(VENV)/ruff format .
	$(VENV)/djlint templates --reformat --quiet || true

test: check setup ## every check and test, on a fresh machine too
	$(VENV)/python -m kb_project.bootstrap --browser
	$(VENV)/pytest -n 2 --dist loadgroup

e2e: setup dev ## browser tests alone
	$(VENV)/python -m kb_project.bootstrap --browser
	$(VENV)/pytest tests/e2e

chaos: setup ## seeded faults on a real installation of its own: SEED=1 MINUTES=5, or POINTS=10 at each crash point
	$(VENV)/python -m tests.chaos --seed $(or $(SEED),1) --minutes $(or $(MINUTES),5) --points $(or $(POINTS),0)

bench: setup ## performance report, ratios measured in one run
	$(VENV)/python manage.py bench

demo-image-model: setup ## trains the small image model in apps/catalog/packaged anew: half an hour of one core
	$(VENV)/python manage.py train_demo_image_model

vendor: ## refresh static/vendor from npm packages
	$(VENV)/python -m kb_project.vendor

messages: dev ## refresh the translation catalogues
	$(VENV)/python manage.py makemessages -l zh_Hans --no-obsolete --no-location --ignore .venv --ignore var --ignore tests
	$(VENV)/python -m kb_project.messages

clean: ## remove what `run` made, the data included
	rm -rf .venv var
