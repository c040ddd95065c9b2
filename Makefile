# Every command of the project. `make` without a target lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
TIERS ?=
RESET ?=
# A process that cannot keep and use compiled Python takes twice as long to import the product.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## list the commands
	@awk -v bold="$$(test -t 1 && test -z "$$NO_COLOR" && printf '\033[1m')" -v plain="$$(test -t 1 && test -z "$$NO_COLOR" && printf '\033[0m')" \
	  -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %s%-13s%s %s\n", bold, $$1, plain, $$2}' $(MAKEFILE_LIST)

.venv/created:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
	  echo "Python 3.11, 3.12 or 3.13 is needed, and '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo missing): install one and run make PYTHON=python3.13"; exit 1; }
	@touch .writable 2>/dev/null && rm -f .writable || { echo "this folder cannot be written to: clone the repository into one that you own"; exit 1; }
	@$(BIN)/python -c pass 2>/dev/null || { rm -rf .venv && $(PYTHON) -m venv .venv; }
	@touch .venv/created

# What running needs; the tools for tests and checks come with `make setup`.
.venv/runnable: .venv/created requirements-run.lock pyproject.toml
	@echo "installing what make dev needs into .venv (once)"
	@$(BIN)/python scripts/install.py requirements-run.lock
	@touch .venv/runnable

.venv/installed: .venv/created requirements-dev.lock pyproject.toml
	@echo "installing what development needs into .venv (once)"
	@$(BIN)/python scripts/install.py --exactly requirements-dev.lock
	@touch .venv/installed .venv/runnable

##@ Every day
.PHONY: dev
dev: .venv/runnable ## run the product on this machine (RESET=1 deletes its data; PORT, POSTGRES_PORT move it)
	@$(BIN)/hingecraft dev $(if $(RESET),--reset) $(call given,PORT,--port) $(call given,POSTGRES_PORT,--postgres-port)

# A variable of the command line: PORT in the environment is meant for something else.
given = $(if $(filter command line,$(origin $(1))),$(2) $($(1)))

.PHONY: test
test: setup ## run every test tier (TIERS="unit db" selects some)
	@$(BIN)/python scripts/run_tiers.py $(TIERS)

.PHONY: check
check: setup ## check lint, types, layers, migrations, dead code, spelling, words and secrets
	@$(BIN)/python scripts/run_checks.py

.PHONY: generate
generate: setup ## write the files that are generated from the code: OpenAPI, reference pages, chart, HTML components
	@$(BIN)/python scripts/generate.py

# What is made of npm's packages, which are not ours to check in.
BUILT := wix/dashboard/built/index.html
$(BUILT): $(shell find wix/dashboard/src wix/dashboard/build wix/dashboard/public wix/dashboard/*.* wix/html/build.mjs wix/html/source/wix-panel-editor.js -type f) | .venv/runnable
	@echo "building the dashboard at Wix (once; kept in HC_CACHE)"
	@$(BIN)/python scripts/build_dashboard.py
	@touch $@

.PHONY: dashboard
dashboard: $(BUILT) ## build the owner's dashboard at Wix, with packages of npm

.PHONY: setup
setup: .venv/installed $(BUILT) ## install what development needs into .venv

.PHONY: docs
docs: setup ## build docs/ as a site with search, in dist/docs; it needs no server and no network
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "open dist/docs/index.html"

##@ Kubernetes
.PHONY: operator-dev
operator-dev: setup ## run the operator against a Kubernetes API server of its own, and open a shell with kubectl
	@$(BIN)/python scripts/operator_dev.py

.PHONY: cluster
cluster: setup ## run a real Kubernetes of one node on this machine (root, Debian; no Docker needed)
	@$(BIN)/python scripts/cluster_up.py

.PHONY: cluster-down
cluster-down: setup ## remove that cluster and everything that it left on this machine
	@$(BIN)/python scripts/cluster_down.py

.PHONY: kind
kind: setup ## run the same cluster with Docker, using kind
	@$(BIN)/python scripts/cluster_kind.py

.PHONY: test-cluster
test-cluster: setup ## build the image, check the chart, install it on the cluster and test failures there
	@$(BIN)/python scripts/run_tiers.py image chart cluster

.PHONY: load-cluster
load-cluster: setup ## simulate a thousand visitors through the cluster's ingress while routes change
	@$(BIN)/python loadtests/through_ingress.py

##@ Occasionally
.PHONY: test-live
test-live: setup ## run the flows against the providers' test modes, with the keys in .env
	@$(BIN)/python -m pytest tests/live --quiet

.PHONY: nightly
nightly: setup ## test ten thousand orders of events, a million reads under faults, and the operator for two hours
	@HC_ORDERS=10000 $(BIN)/python -m pytest tests/money/test_orders.py tests/money/test_credit_orders.py \
		tests/money/test_purchase_orders.py --quiet
	@HC_READS=1000000 $(BIN)/python -m pytest tests/faults/test_history.py --quiet
	@HC_PERTURB_SECONDS=7200 $(BIN)/python -m pytest tests/kube/test_perturbation.py --quiet

.PHONY: wix-native
wix-native: setup ## build the example of a native Wix app in wix/native, and check its manifest
	@$(BIN)/python scripts/build_native.py

.PHONY: load
load: setup ## simulate a thousand visitors of a running make dev (LOAD_USERS, LOAD_SECONDS)
	@mkdir -p test_results/load && $(BIN)/locust --locustfile loadtests/locustfile.py --headless --only-summary \
	  --users $${LOAD_USERS:-1000} --spawn-rate 50 --run-time $${LOAD_SECONDS:-300}s --stop-timeout 20 --reset-stats \
	  --host http://127.0.0.1:8080 --html test_results/load/report.html --csv test_results/load/load

.PHONY: bench
bench: setup ## measure the figures of docs/performance.md (BENCH="routes writers" selects some)
	@$(BIN)/python loadtests/bench/run.py $(BENCH)

.PHONY: lock
lock: setup ## lock the newest dependencies that pyproject.toml allows
	@for extra in "" "-dev"; do \
	  $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate $${extra:+--extra dev --group dev} pyproject.toml --output-file requirements$$extra.lock; \
	done
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate --extra dev --group run --constraint requirements-dev.lock pyproject.toml --output-file requirements-run.lock
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --group image --output-file requirements-image.lock
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --group go --output-file requirements-go.lock
	@cd wix && npm update --package-lock-only

.PHONY: release
release: setup ## build dist/hingecraft_payment_release_v<version>.zip (DRAFT=1 without proof; RELEASE_KEY signs)
	@$(BIN)/python scripts/build_release.py $(if $(DRAFT),--draft) $(if $(RELEASE_KEY),--key $(RELEASE_KEY)) \
	  $(if $(RELEASE_BUILDER),--builder $(RELEASE_BUILDER))

.PHONY: clean
clean: ## remove everything that was built, and the data of make dev
	@rm -rf .venv .dev test_results dist wix/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
