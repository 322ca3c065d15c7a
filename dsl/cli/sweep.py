"""Every run of a sweep: `python -m dsl.sweep FILE.gin`; only arguments are read here.

Finished runs are skipped and interrupted ones go on, so the same command continues a sweep. Exit
codes: 0 every run is finished; 2 something to mend, or runs that ended with an error, each named;
143, 130 or 75 stopped by a signal, the runs under way saved.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from dsl.cli.command import add_debug, add_overrides, exit_code, folder, positive


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for, and return the exit code."""
    options = _parser().parse_args(arguments)
    return exit_code(lambda: _sweep(options), debug=options.debug)


def _sweep(options: argparse.Namespace) -> int:
    # The heavy imports wait until the arguments have turned out to make sense.
    from dsl import vocabulary  # noqa: F401 - registers its words
    from dsl.sweep.grid import points
    from dsl.sweep.workers import listing, run_all

    root = options.out or Path("runs") / f"{options.file.stem}-sweep"
    found = points(options.file, options.set, root)
    if options.list:
        print(listing(found))
        return 0
    return run_all(options.file, found, options.jobs, together=options.together)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dsl.sweep", description="Run an experiment once for each of its values."
    )
    parser.add_argument("file", type=Path, metavar="FILE.gin", help="it says what varies")
    add_overrides(
        parser, "as for dsl.run, in every run; \"sweep.grid={'SEED': [0]}\" sets what varies"
    )
    parser.add_argument(
        "--out", type=folder, metavar="DIR", help="folder of the runs' folders: runs/FILE-sweep"
    )
    parser.add_argument(
        "--jobs",
        type=positive,
        default=1,
        metavar="N",
        help=f"runs at a time, each on its share of the {os.cpu_count()} cores (1)",
    )
    parser.add_argument(
        "--together",
        action="store_true",
        help="train runs that differ in their seeds alone in one compiled program",
    )
    parser.add_argument("--list", action="store_true", help="show the runs, and run nothing")
    add_debug(parser)
    return parser
