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

"""``python -m tests.fuzz SECONDS``: both fuzzers, one after the other.

They begin with the corpus and the valid inputs. Exit status 1: one of them
found an input that does harm; it says which file it is in.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile

from tests.fuzz import seeds

#: targets of each fuzzer; the first byte of an input says which
FUZZERS = {
    "fuzz_codec": ("codec", "aggregate", "load_pipe", "worker_pipe"),
    "fuzz_spool": ("spool", "chunk", "packed"),
}
CORPUS = pathlib.Path(__file__).parent / "corpus"


def fill(folder: pathlib.Path, names: tuple[str, ...]) -> None:
    """Write what a fuzzer begins with."""
    for at, name in enumerate(names):
        known = [path.read_bytes() for path in (CORPUS / name).glob("*")]
        for i, data in enumerate([*seeds.of(name), *known]):
            (folder / ("%s-%d" % (name, i))).write_bytes(bytes([at]) + data)


def main(seconds: str) -> int:
    status = 0
    for module, names in FUZZERS.items():
        with tempfile.TemporaryDirectory(prefix="rally-fuzz-") as folder:
            fill(pathlib.Path(folder), names)
            status |= subprocess.run(
                [
                    sys.executable, "-m", "tests.fuzz.%s" % module, folder,
                    "-max_total_time=%s" % seconds, "-max_len=65536",
                    "-timeout=20", "-rss_limit_mb=2048",
                    "-print_final_stats=1",
                ],
                check=False,
            ).returncode
    return int(bool(status))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "60"))
