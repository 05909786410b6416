# make            bin/runner, with agents for all platforms inside; PLATFORMS=linux/amd64,…: only for those, while working on it
# make test       every test; prepares this machine for them where it may (as root), else says what is missing
# make lint       linters, formatting, known vulnerabilities
# make fmt        formats the sources
# make demo       plans, applies and re-applies examples/quickstart on this machine, as an ordinary user
# make bench      measures what docs/benchmarks.md shows, and writes it: an hour; SECTION=trips, large, tools, transfer, sync, fleet or soak: only that
# make testbed    installs and starts what tests need (root, Debian); make testbed-down ends the daemon that it started

GO         ?= go
TESTFLAGS  ?=
# Packages in which several goroutines share memory are tested with the race detector. It would let every process sleep for
# a second at its end, and tests start many.
RACE       := ./agent/... ./executor/... ./transports/... ./cmd/delay/...

# A tag v1.2.3 gives version 1.2.3. Without any, the source says it.
VERSION    := $(patsubst v%,%,$(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null))
COMMIT     := $(shell git rev-parse --short=12 HEAD 2>/dev/null)$(shell git diff --quiet HEAD 2>/dev/null || echo +changes)
LDFLAGS    := -s -w -X runner/cmd/runner/build.version=$(VERSION) -X runner/cmd/runner/build.commit=$(COMMIT)

TOOLS      := $(CURDIR)/bin/tools
GOLANGCI   := $(TOOLS)/golangci-lint-2.15.0
VULNCHECK  := $(TOOLS)/govulncheck-1.9.0

.PHONY: all agents runner test lint fmt demo bench testbed testbed-down clean
all: runner

# Go's build cache knows best what is up to date.
agents:
	$(GO) run ./cmd/embed-agents $(if $(PLATFORMS),-platforms $(PLATFORMS))

runner: agents
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/runner ./cmd/runner

test: runner
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then $(MAKE) --no-print-directory testbed; \
	else $(GO) run ./cmd/testbed status || echo "make: tests that need what is missing will be skipped, with the reason" >&2; fi
	@status=0; \
	$(GO) test -timeout 15m $(TESTFLAGS) $$($(GO) list ./... | grep -vxF "$$($(GO) list $(RACE))") || status=1; \
	GORACE=atexit_sleep_ms=0 $(GO) test -timeout 15m -race $(TESTFLAGS) $(RACE) || status=1; \
	exit $$status

lint: $(GOLANGCI) $(VULNCHECK)
	$(GOLANGCI) run
	GOOS=darwin $(GO) vet ./cmd/runner ./cmd/runner-agent
	GOOS=freebsd $(GO) vet ./cmd/runner ./cmd/runner-agent
	$(GO) mod verify
	.ci/vulncheck $(VULNCHECK)

fmt: $(GOLANGCI)
	$(GOLANGCI) fmt

demo: runner
	examples/demo.sh bin/runner

bench: runner
	$(GO) run ./cmd/bench -runner bin/runner -write docs/benchmarks.md $(if $(SECTION),-section $(SECTION))

testbed:
	$(GO) run ./cmd/testbed up

testbed-down:
	$(GO) run ./cmd/testbed down

clean:
	rm -rf bin

# The tools come through the module proxy, at pinned versions, and are built once.
$(GOLANGCI):
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	mv $(TOOLS)/golangci-lint $@

$(VULNCHECK):
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) $(GO) install golang.org/x/vuln/cmd/govulncheck@v1.9.0
	mv $(TOOLS)/govulncheck $@
