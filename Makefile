#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

# Two commands need nothing but python3, make and a package index:
#   make demo    set up, run a distributed task, say where the report is
#   make test    set up, run the tests

PYTHON ?= python3
FUZZ_S ?= 150
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
export PYTHONWARNINGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test unit functional cluster-test cloud-test slurm-test \
        plugins-test databases-test soak fuzz explore style mypy benchmarks docs clean

help:
	@echo "make demo          run a distributed task and write its report"
	@echo "make test          run the unit and functional tests"
	@echo "make style mypy    check style and types"
	@echo "make cluster-test  run the cluster tests"
	@echo "make plugins-test  plugin packages of others (needs an index)"
	@echo "make databases-test  functional tests on PostgreSQL and MariaDB"
	@echo "make cloud-test    run the tests against a real cloud"
	@echo "make slurm-test    run the tests against a real Slurm"
	@echo "make soak          200 agents, then a run of MINUTES=30 minutes"
	@echo "make fuzz          look for input that does harm (FUZZ_S seconds)"
	@echo "make explore       other examples and faults (ROUNDS=10)"
	@echo "make benchmarks    compare with the released rally"
	@echo "make clean         remove what the other targets made"
	@echo "PYTHON=python3.12 chooses the interpreter of a new $(VENV)."

$(BIN)/.installed: requirements.txt setup.cfg pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Rally into $(VENV) ..."
	@$(PIP) install --upgrade "pip>=23" "setuptools>=68" wheel
	@$(PIP) install --editable .
	@touch $@

$(BIN)/.test-installed: $(BIN)/.installed test-requirements.txt
	@echo "Installing what the tests need ..."
	@$(PIP) install --requirement test-requirements.txt
	@touch $@

demo: $(BIN)/.installed
	@$(BIN)/python rally-jobs/demo.py

test: $(BIN)/.test-installed
	@$(BIN)/python -m tests.run unit functional

unit functional: $(BIN)/.test-installed
	@$(BIN)/python -m tests.run $@

cluster-test: $(BIN)/.test-installed
	@$(BIN)/python -m tests.run cluster

plugins-test: $(BIN)/.test-installed
	@$(BIN)/python -m tests.run plugins

# the functional tests, with their databases on servers; needs those
DATABASE ?= postgresql mysql
databases-test: $(BIN)/.test-installed
	@$(BIN)/python -m tests.on_servers $(DATABASE)

# Keystone, Glance and rally-openstack, from the package index
cloud-test: $(BIN)/.test-installed
	@$(BIN)/python -m tests.cloud

# two nodes on this host; needs root and slurm-wlm
slurm-test: $(BIN)/.test-installed
	@$(BIN)/python -m tests.slurm

MINUTES ?= 30
soak: $(BIN)/.test-installed
	@$(BIN)/python -m tests.soak --minutes $(MINUTES)

# atheris has no wheels for every version of Python: not a test requirement
fuzz: $(BIN)/.test-installed
	@$(PIP) install "atheris>=2.3"
	@$(BIN)/python -m tests.fuzz $(FUZZ_S)

ROUNDS ?= 10
explore: $(BIN)/.test-installed
	@$(BIN)/python -m tests.explore $(ROUNDS)

style: $(BIN)/.test-installed
	@$(BIN)/ruff check rally tests rally-jobs samples
	@$(BIN)/python -m tests.style

mypy: $(BIN)/.test-installed
	@$(BIN)/mypy

benchmarks: $(BIN)/.test-installed
	@$(BIN)/python -m tests.benchmarks

docs: $(BIN)/.test-installed
	@$(BIN)/python -m sphinx -W -q -b html doc/source doc/build
	@$(BIN)/python -m sphinx -W -q -b man doc/source doc/build/man

clean:
	rm -rf $(VENV) .venv-cloud .demo .benchmarks .stestr .test-logs .hypothesis \
	    .mypy_cache .ruff_cache doc/build rally.egg-info
