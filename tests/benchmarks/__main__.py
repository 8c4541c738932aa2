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

"""Command line of the benchmarks."""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import platform
import shutil
import sys
import tempfile
import time
import typing as t

from tests.benchmarks import (
    bench,
    errors,
    figures,
    install,
    lines,
    processes,
    sizes,
    table,
)

ROOT = pathlib.Path(__file__).resolve().parents[2]
#: load of a machine that does little beside the benchmarks
IDLE_LOAD = 0.5


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=(
            "Measures this tree beside Rally %s and prints what holds of the "
            "budgets. It never fails because something is slow."
            % install.RELEASE
        ),
    )
    made.add_argument(
        "names", nargs="*", metavar="NAME",
        help="what to measure (default: all): " + ", ".join(lines.LINES),
    )
    amount = made.add_mutually_exclusive_group()
    for flag, amounts, text in (
        ("--quick", sizes.QUICK, "a rough picture in a few minutes"),
        ("--full", sizes.FULL, "as many iterations for the released Rally "
                               "as for this tree"),
        ("--tiny", sizes.TINY, "only to see that each line works"),
    ):
        amount.add_argument(
            flag, dest="sizes", action="store_const", const=amounts,
            default=sizes.NORMAL, help=text,
        )
    made.add_argument("--json", type=pathlib.Path, metavar="FILE",
                      help="write all figures")
    made.add_argument("--rst", type=pathlib.Path, metavar="FILE",
                      help="write the table for the documentation")
    made.add_argument("--released", type=pathlib.Path, metavar="PATH",
                      help="an installed rally %s (default: installed from "
                           "the package index)" % install.RELEASE)
    made.add_argument("--workdir", type=pathlib.Path, metavar="FOLDER",
                      default=ROOT / ".benchmarks",
                      help="where it installs and works (default: "
                           "%(default)s)")
    return made


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def machine() -> dict[str, t.Any]:
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "load": os.getloadavg()[0],
        "released": install.RELEASE,
    }


def caption(about: t.Mapping[str, t.Any]) -> str:
    return "Measured beside Rally %s on %d CPUs with Python %s" % (
        about["released"], about["cpus"], about["python"],
    )


@contextlib.contextmanager
def work_folder(workdir: pathlib.Path) -> t.Iterator[pathlib.Path]:
    """An empty folder below *workdir*, which git does not look into."""
    workdir.mkdir(parents=True, exist_ok=True)
    (workdir / ".gitignore").write_text("*\n")
    folder = pathlib.Path(
        tempfile.mkdtemp(prefix="run-", dir=workdir.resolve())
    )
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measured(name: str, given: bench.Bench) -> list[figures.Result]:
    """The rows of one line; what stopped it, if something did."""
    started = time.monotonic()
    say("%s:" % name)
    results = []
    try:
        for result in lines.LINES[name](given):
            results.append(result)
            say("  = %s: %s" % (table.holds_text(result), result.measured))
    except errors.BenchmarkError as e:
        say("  could not be measured: %s" % e)
        results.append(figures.Result.missing(name, str(e)))
    say("  took %.0f s" % (time.monotonic() - started))
    return results


def main(argv: t.Sequence[str] | None = None) -> int:
    """The exit status: 1 if something could not be measured."""
    made = parser()
    args = made.parse_args(argv)
    unknown = set(args.names) - set(lines.LINES)
    if unknown:
        made.error("unknown: %s; there are %s" % (
            ", ".join(sorted(unknown)), ", ".join(lines.LINES),
        ))
    about = machine()
    if about["load"] > IDLE_LOAD:
        say("This machine is busy (load %.1f): what depends on time will "
            "look worse than it is." % about["load"])
    processes.adopt_orphans()
    results: list[figures.Result] = []
    with work_folder(args.workdir) as folder:
        given = bench.Bench(
            args.sizes, folder, args.workdir.resolve(), args.released, say
        )
        for name in args.names or lines.LINES:
            results += measured(name, given)
    show(results, about, args.json, args.rst)
    return 0 if all(result.is_measured for result in results) else 1


def show(
    results: t.Sequence[figures.Result],
    about: t.Mapping[str, t.Any],
    json_path: pathlib.Path | None,
    rst_path: pathlib.Path | None,
) -> None:
    """Print the table, and write it where it is wanted."""
    print(caption(about))
    print(table.as_text(results))
    if json_path:
        json_path.write_text(table.as_json(results, about))
    if rst_path:
        rst_path.write_text(table.as_rst(results, caption(about)))


if __name__ == "__main__":
    sys.exit(main())
