# make help lists the targets.
export CGO_ENABLED ?= 0
export GOFLAGS ?= -buildvcs=false
GO ?= go
BIN := bin
FUZZTIME ?= 30s
SOAK ?= 10m

.PHONY: help run demo build setup test lint vet bench fuzz fault soak guides race docs clean

help: ## show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: demo ## start a node with a small seeded hospital and stay up

demo: ## the same, by its other name
	$(GO) run ./cmd/ward demo

build: ## build the static binaries into bin/
	$(GO) build -trimpath -ldflags "-s -w" -o $(BIN)/ ./cmd/...

setup: ## install what the tests need (Debian packages, when allowed), or say what is missing
	@./test/setup.sh

test: setup ## everything a change must pass: vet, staticcheck, tests on both databases, end to end, race where it applies
	@./test/run.sh

vet:
	$(GO) vet ./...

lint: ## golangci-lint, pinned
	$(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run ./...

race: ## the race detector on the packages that do not link SQLite (needs gcc)
	@./test/race.sh

bench: ## figures, one line each; NAME=prefix runs some
	@cd bench && $(GO) run . -name "$(NAME)"

fuzz: ## every fuzz target for FUZZTIME
	@./test/fuzz.sh $(FUZZTIME)

fault: ## fifty kills on each database (or WARD_KILLS), and the fault tables
	WARD_KILLS=$${WARD_KILLS:-50} $(GO) test -count=1 -timeout 60m -run 'Kill|Fault|FullDisk|Tamper|Torn|Rolled|Rollback|EveryChangedByte' ./...

soak: ## ten minutes (or SOAK) of writers, readers, searches and hooks; memory, descriptors and goroutines may not grow
	WARD_SOAK=$(SOAK) $(GO) test -count=1 -v -timeout 0 -run TestSoak ./test/e2e

guides: ## published FHIR guides (fetched by npm) through the validator, beside the HL7 validator
	@./test/guides.sh

docs: ## check links, the code map and the feature table
	$(GO) test -count=1 -run 'Document|CodeMap|Feature|Invariant' .

clean: ## remove what was built
	rm -rf $(BIN) bench/out
