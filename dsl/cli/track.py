"""Adds runs to Aim: `python -m dsl.track RUNS...`; only arguments are read here.

Each of RUNS is a run folder or a folder with runs in it. A run that is in Aim already is replaced.
Exit codes: 0 all runs are in Aim, 2 some are not, each of which is named.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dsl.cli.command import USAGE
from dsl.tracking.add_runs import add_runs, find_runs

_DESCRIPTION = "Write run folders into Aim; running it again doubles nothing."


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for, and return the exit code."""
    options = _parser().parse_args(arguments)
    folders, problems = find_runs(options.runs)
    for root in dict.fromkeys(_root(folder, options.repo) for folder in folders):
        mine = [folder for folder in folders if _root(folder, options.repo) == root]
        if options.rebuild and options.repo is None:
            # A new repository without the runs beside the named ones would seem to have lost them.
            mine = [*mine, *(f for f in find_runs([root])[0] if f.parent == root and f not in mine)]
        problems += add_runs(mine, root, print, rebuild=options.rebuild)
    for problem in problems:
        print(problem, file=sys.stderr)
    return USAGE if problems else 0


def _root(folder: Path, repo: Path | None) -> Path:
    """The folder whose `.aim` takes the run."""
    if repo is None:
        return folder.parent
    return (repo.parent if repo.name == ".aim" else repo).absolute()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dsl.track", description=_DESCRIPTION)
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUNS", help="run folders, or folders that hold runs"
    )
    parser.add_argument(
        "--repo", type=Path, metavar="DIR", help="folder of the repository; beside the runs if not"
    )
    parser.add_argument(
        "--rebuild", action="store_true", help="move a damaged repository aside and begin anew"
    )
    return parser
