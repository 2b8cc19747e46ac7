# phoneregistry. `make help` lists what there is.

SHELL      := bash
GO         ?= go
BIN        := bin/phoneregistry
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# The version is set below; asking git again fails where the folder belongs to another user, as in containers.
export GOFLAGS := $(shell $(GO) env GOFLAGS 2>/dev/null) -buildvcs=false
# Each package's tests run servers of their own: more than four at a time would only get in each other's way.
CORES      := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
PACKAGES_AT_ONCE := $(shell [ $(CORES) -gt 4 ] && echo 4 || echo $(CORES))
PKG        ?= ./...
ACTIONLINT := v1.7.12
ARGS       ?=

WEB_BUILT   := web/dist/index.html
WEB_SOURCES := $(shell find web schema.graphqls -type f -not -name '*.go' -not -path 'web/node_modules/*' -not -path 'web/dist/*' 2>/dev/null)
WEB_MODULES := web/node_modules/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run build web test lint fmt generate bench chaos fuzz conformance schema-release cluster clean go postgres chromium cc go-lint web-lint schema-lint go-test web-test

help: ## Show this list
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

run: postgres ## Set everything up, build it and serve it with sample data (ARGS="--listen 127.0.0.1:9000")
	@$(MAKE) --no-print-directory web || echo "make run: the web interface could not be built; the API is served without it" >&2
	@$(MAKE) --no-print-directory $(BIN)
	@$(BIN) serve --demo --log-format text $(ARGS)

build: web $(BIN) ## Build bin/phoneregistry, the web interface in it

# Always asked: Go knows by itself what has changed.
.PHONY: $(BIN)
$(BIN): go
	$(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o $@ ./cmd/phoneregistry

web: ## Build the web interface, if Node.js is here
	@if scripts/setup-node; then $(MAKE) -s --no-print-directory $(WEB_BUILT); fi

$(WEB_BUILT): $(WEB_MODULES) $(WEB_SOURCES)
	cd web && npm run build
	@touch $@

$(WEB_MODULES): web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	@touch $@

test: postgres chromium cc web web-test go-test ## Test everything against real PostgreSQL, NATS and Chromium (PKG=./registry/...)

go-test: go
	$(GO) test -race -timeout 20m -p $(PACKAGES_AT_ONCE) $(PKG)

web-test: web
	@if scripts/setup-node 2>/dev/null; then cd web && npm test --silent; fi

lint: go-lint web-lint schema-lint ## Check style, layers, the schema, who may ask for what, and generated files
	scripts/check-access
	scripts/check-generated

go-lint: go
	@unformatted=$$(git ls-files -z --cached --others --exclude-standard -- '*.go' | xargs -0 gofmt -l 2>/dev/null); \
	if [ -n "$$unformatted" ]; then printf 'not formatted (make fmt):\n%s\n' "$$unformatted" >&2; exit 1; fi
	@linter=$$(scripts/setup-lint) && echo "golangci-lint run" && "$$linter" run ./... && \
		echo "golangci-lint run, in conformance/genqlient" && cd conformance/genqlient && "$$linter" run ./...
	$(GO) run github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT)

web-lint:
	@if scripts/setup-node; then $(MAKE) -s --no-print-directory $(WEB_MODULES) && cd web && npm run lint --silent; fi

schema-lint:
	@if scripts/setup-node; then echo "scripts/check-schema" && scripts/check-schema; fi

schema-release: ## Make the schema as it is the one that clients may rely on
	@scripts/check-schema release

fmt: go ## Format the Go files
	@linter=$$(scripts/setup-lint) && "$$linter" fmt ./...

generate: go postgres ## Generate the GraphQL executor, the types of its clients and the data dictionary
	$(GO) generate ./...
	cd conformance/genqlient && $(GO) generate ./...
	@if scripts/setup-node 2>/dev/null; then $(MAKE) -s --no-print-directory $(WEB_MODULES) && cd web && npm run generate --silent --if-present && ../scripts/check-schema generate; fi

bench: go postgres ## Measure, and compare with peers and limits (ARGS="-only jobs,graphql -rounds 1")
	$(GO) run ./bench $(ARGS)

cluster: go postgres ## Run three nats-servers, two servers and three workers on this machine (examples/cluster)
	$(GO) run ./examples/cluster

chaos: go postgres ## Kill and starve everything and check that nothing is lost (SEED=n, SHORT=1)
	CHAOS=long SEED=$(SEED) $(GO) test -run Chaos -count=1 -timeout 6h -p 1 -v $(if $(SHORT),-short) ./internal/chaos

fuzz: go ## Fuzz everything that is fuzzed, one after the other (SECONDS_EACH=20, ONLY="graph/guard")
	@scripts/fuzz "$(SECONDS_EACH)" "$(ONLY)"

conformance: postgres $(BIN) ## Check the built program by the clients of others, and write docs/conformance.md
	@scripts/conformance

clean: ## Remove what was built; data directories stay
	rm -rf bin .tools web/node_modules conformance/node_modules conformance/schema/node_modules
	find web/dist -mindepth 1 -not -name .gitkeep -delete 2>/dev/null || true

go:
	@command -v $(GO) >/dev/null || { echo "make: Go 1.26 or newer is needed: https://go.dev/dl/" >&2; exit 2; }

postgres:
	@scripts/setup-postgres

chromium:
	@scripts/setup-chromium

cc: go
	@scripts/setup-cc
