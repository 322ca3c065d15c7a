"""Add runs to Aim: `kilolayer track RUNS...`, or `python -m dsl.track RUNS...`.

Each of RUNS is a run folder or a folder with runs in it. A run that is in Aim already is replaced.
Exit codes: 0 all runs are in Aim, 2 some are not, each of which is named.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from dsl.cli.command import Command, print_to_stderr, run_command
from dsl.errors import EXIT_USAGE


def main(arguments: Sequence[str] | None = None) -> int:
    """Execute `python -m dsl.track ...` and return the exit code."""
    return run_command(COMMAND, arguments)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUNS", help="run folders, or folders that hold runs"
    )
    parser.add_argument(
        "--repo", type=Path, metavar="DIR", help="folder of the repository (beside the runs)"
    )
    parser.add_argument(
        "--rebuild", action="store_true", help="move a damaged repository aside and start a new one"
    )


def _execute(options: argparse.Namespace) -> int:
    from dsl.tracking.add_runs import add_runs, find_runs

    folders, problems = find_runs(options.runs)
    for root in dict.fromkeys(_repository_root(folder, options.repo) for folder in folders):
        mine = [folder for folder in folders if _repository_root(folder, options.repo) == root]
        if options.rebuild and options.repo is None:
            # A new repository must also hold the sibling runs that the old one had.
            mine = [*mine, *(f for f in find_runs([root])[0] if f.parent == root and f not in mine)]
        problems += add_runs(mine, root, print, rebuild=options.rebuild)
    for problem in problems:
        print_to_stderr(problem)
    return EXIT_USAGE if problems else 0


def _repository_root(folder: Path, repo: Path | None) -> Path:
    """Return the folder whose `.aim` takes the run."""
    if repo is None:
        return folder.parent
    return (repo.parent if repo.name == ".aim" else repo).absolute()


COMMAND = Command(
    "track", "Add run folders to Aim; adding one again replaces it.", _add_arguments, _execute
)
