"""Run a sweep: `kilolayer sweep FILE.gin`, or `python -m dsl.sweep FILE.gin`.

Finished runs are skipped and interrupted ones resume, so the same command continues a sweep. A run
that another process trains is waited for, in the place of one of the jobs. Exit codes: 0 every run
is finished; 2 an error in the call, or runs that failed, each named; 143, 130, 129, 152 or 75
stopped by a signal, with the unfinished runs saved.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dsl.cli.command import (
    Command,
    add_accept_changes,
    add_force,
    add_overrides,
    configure_jax_for_text,
    experiment_file,
    folder_path,
    load_experiment,
    positive_int,
    print_to_stderr,
    run_command,
)
from dsl.cli.output import print_text

if TYPE_CHECKING:
    from dsl.sweep.grid import Trial


def main(arguments: Sequence[str] | None = None) -> int:
    """Execute `python -m dsl.sweep ...` and return the exit code."""
    return run_command(COMMAND, arguments)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=experiment_file, metavar="FILE.gin", help="states what varies")
    add_overrides(parser, "as for run, in every run; \"sweep.grid={'SEED': [0]}\" sets what varies")
    parser.add_argument(
        "--out", type=folder_path, metavar="DIR", help="parent of the run folders: runs/FILE-sweep"
    )
    parser.add_argument(
        "--jobs",
        type=positive_int,
        default=1,
        metavar="N",
        help=f"runs at a time, each on its share of the {os.cpu_count()} cores (1)",
    )
    parser.add_argument(
        "--vmap-seeds",
        action="store_true",
        help="train runs that differ in their seeds alone in one compiled program",
    )
    parser.add_argument("--together", action="store_true", help=argparse.SUPPRESS)
    add_accept_changes(parser)
    add_force(parser)
    parser.add_argument("--list", action="store_true", help="show the runs, and run nothing")


def _execute(options: argparse.Namespace) -> int:
    if options.together:
        print_to_stderr(
            "--together is now called --vmap-seeds; the old name works until the next release."
        )
    configure_jax_for_text()
    # The heavy imports wait until the arguments have been parsed.
    configuration = load_experiment(options.file, options.set)
    for line in configuration.settings_without_effect():
        print_to_stderr(line)
    from components.cpu_cores import available_cores
    from dsl.sweep.grid import make_trials
    from dsl.sweep.grid_changes import tell_grid_change
    from dsl.sweep.kept_trials import recall_trials
    from dsl.sweep.workers import describe_trials, run_trials

    root = options.out or Path("runs") / f"{options.file.stem}-sweep"
    judged = make_trials(options.file, options.set, root)
    tell_grid_change(options.file, judged, print_to_stderr)
    trials = recall_trials(options.file, judged, print_to_stderr)
    _tell_extensions(options.file, trials)
    if options.list:
        print_text(describe_trials(trials))
        return 0
    vmap_seeds = options.vmap_seeds or options.together
    flags = ["--force"] if options.force else []
    flags += ["--accept-changes"] if options.accept_changes else []
    return run_trials(
        options.file, trials, options.jobs, available_cores(), vmap_seeds=vmap_seeds, flags=flags
    )


def _tell_extensions(file: Path, trials: Sequence["Trial"]) -> None:
    """Say what happens to the learning rates of runs that resume with another length."""
    extended = [trial for trial in trials if trial.is_extended()]
    if not extended:
        return
    from dsl.sweep.grid import group_by_seed
    from dsl.training.extended_runs import describe_extension

    for group in group_by_seed(extended):
        configuration = load_experiment(file, group[0].overrides)
        for line in describe_extension(configuration, group[0].folder):
            others = f" and {len(group) - 1} more" if len(group) > 1 else ""
            print_to_stderr(f"{group[0].folder}{others}: {line}")


COMMAND = Command(
    "sweep", "Run an experiment once for each combination of values.", _add_arguments, _execute
)
