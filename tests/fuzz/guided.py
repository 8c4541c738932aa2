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

"""What the coverage-guided fuzzers share; ``make fuzz`` runs them.

They need ``atheris``, which has no wheels for all versions of Python, hence
is in an environment of its own. Inputs that reach something new are kept in
the folder given as the first argument; one that does harm ends the fuzzer,
is written down, and belongs into ``tests/fuzz/corpus``, which the unit tests
replay.
"""

from __future__ import annotations

import logging
import sys
import typing as t

import atheris

with atheris.instrument_imports(include=["rally.task", "rally.common"]):
    from tests.fuzz import mutation, seeds, targets


def fuzz(names: t.Sequence[str]) -> None:
    """Fuzz *names* of ``targets.TARGETS``; the first byte says which."""
    logging.disable(logging.CRITICAL)
    seeds.load_criteria()
    mutators = [mutation.Mutator(name, 0) for name in names]

    def test_one(data: bytes) -> None:
        if data:
            name = names[data[0] % len(names)]
            targets.TARGETS[name](data[1:])

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        """Half of the time inside the structure, else in the bytes."""
        if not data or seed % 2:
            return atheris.Mutate(data, max_size)
        at = data[0] % len(names)
        mutators[at].reseed(seed)
        return (data[:1] + mutators[at].change(data[1:]))[:max_size]

    atheris.Setup(sys.argv, test_one, custom_mutator=mutate)
    atheris.Fuzz()
