"""Train several seeds in one program: `python -m dsl.cli.multi_seed --run FOLDER FILE.gin ...`.

A sweep starts it. Exit codes are those of `run`; 3 once the seeds whose numbers stayed finite have
finished.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dsl.cli.command import Command, add_accept_changes, add_force, configure_jax, run_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Execute `python -m dsl.cli.multi_seed ...` and return the exit code."""
    return run_command(COMMAND, arguments)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run",
        nargs="+",
        action="append",
        required=True,
        metavar=("FOLDER", "FILE.gin [NAME=VALUE]"),
        help="folder, file and settings of a run; runs differ in their seeds alone",
    )
    add_accept_changes(parser)
    add_force(parser)


def _execute(options: argparse.Namespace) -> int:
    configure_jax()
    from dsl.language.configuration import load
    from dsl.training import multi_seed_job
    from dsl.training.single_job import training_code

    runs = [(load(file, overrides), Path(file), Path(out)) for out, file, *overrides in options.run]
    return training_code(
        lambda: multi_seed_job.run(runs, accept_changes=options.accept_changes, force=options.force)
    )


COMMAND = Command(
    "cli.multi_seed", "Train several seeds in one compiled program.", _add_arguments, _execute
)

if __name__ == "__main__":
    sys.exit(main())
