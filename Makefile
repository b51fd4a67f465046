# `make help` lists the targets. ARGS passes more options: make train ARGS="--device cpu --epochs 5"

SWIFT ?= swift
SCRATCH ?= .build
ARGS ?=

# One configuration and one set of flags for everything, so that nothing is compiled twice: `swift test` would by default
# build all modules again for @testable imports, which the tests do without.
FLAGS := -c release --scratch-path $(SCRATCH)
MARTLET := $(SCRATCH)/release/martlet
SOURCES := Package.swift Sources Kernels Plugins Tests

export SWIFT

.DEFAULT_GOAL := help
.PHONY: train test fuzz build bench verify format lint compare golden gpu-check clean help dependencies

train: build ## train LeNet on the embedded digits
	$(MARTLET) train lenet --data digits --epochs 30 --set dropout=0.2 --set label_smoothing=0.05 $(ARGS)

test: dependencies ## run all tests, with invariant checks
	MARTLET_CHECKS=1 $(SWIFT) test $(FLAGS) --disable-testable-imports $(ARGS)

fuzz: dependencies ## feed damaged files to the readers under the address sanitizer (ARGS="--seconds 60 torch npz")
	$(SWIFT) build -c release --scratch-path $(SCRATCH)-fuzz --sanitize address --product fuzz
	$(SCRATCH)-fuzz/release/fuzz $(ARGS)

build: dependencies ## build the program, .build/release/martlet
	$(SWIFT) build $(FLAGS) --product martlet

bench: build ## time kernels and training steps
	$(MARTLET) bench $(ARGS)

verify: build ## compare every operation on every device with a float64 reference
	$(MARTLET) verify $(ARGS)

compare: build ## time ours and the peers' in turns, into Benchmarks/RESULTS.md
	python=$$(scripts/python-environment Benchmarks/peers/requirements.txt) && clblast=$$(scripts/clblast-library) && \
	$$python -B Benchmarks/peers/compare.py --martlet $(MARTLET) --clblast "$$clblast" $(ARGS)

gpu-check: build ## compile the kernels for four GPUs and hold them against a table (ARGS=--update writes it)
	Benchmarks/gpu-check/install
	python=$$(scripts/python-environment Benchmarks/gpu-check/requirements.txt gpu-check) && \
	$$python -B -m unittest discover --quiet --start-directory Benchmarks/gpu-check && \
	rm -rf $(SCRATCH)/kernels && \
	MARTLET_DUMP_KERNELS=$(SCRATCH)/kernels MARTLET_OPENCL_CLASS=gpu $(MARTLET) verify --device opencl && \
	$$python -B Benchmarks/gpu-check/check.py $(SCRATCH)/kernels $(ARGS)

golden: ## compute the golden values of the tests anew, with PyTorch
	python=$$(scripts/python-environment Benchmarks/peers/requirements.txt) && \
	$$python -B Tests/Golden/generate.py $(ARGS)

format: ## lay out the sources by .swift-format
	$(SWIFT) format format --in-place --parallel --recursive $(SOURCES)

lint: ## check the sources against .swift-format
	$(SWIFT) format lint --strict --parallel --recursive $(SOURCES)

clean: ## remove what was built
	rm -rf $(SCRATCH) $(SCRATCH)-fuzz

dependencies:
	@scripts/install-dependencies

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16
