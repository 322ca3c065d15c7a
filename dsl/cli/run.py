"""Run an experiment: `kilolayer run FILE.gin`, or `python -m dsl.run FILE.gin`.

Exit codes: 0 done; 2 an error in the call or the gin file; 3 training produced non-finite numbers;
143, 130, 129, 152 or 75 after SIGTERM, SIGINT, SIGHUP, SIGXCPU, and SIGUSR1 or SIGUSR2.
"""

import argparse
from collections.abc import Sequence

from dsl.cli import check, words
from dsl.cli.command import (
    Command,
    add_accept_changes,
    add_force,
    add_overrides,
    configure_jax,
    experiment_file,
    folder_path,
    load_experiment,
    print_to_stderr,
    run_command,
)
from dsl.cli.output import print_text
from dsl.errors import EXIT_NON_FINITE, UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Execute `python -m dsl.run ...` and return the exit code."""
    return run_command(COMMAND, arguments)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="?", type=experiment_file, metavar="FILE.gin", help="the experiment"
    )
    add_overrides(parser, check.OVERRIDES_HELP)
    parser.add_argument("--out", type=folder_path, metavar="DIR", help="folder of the run")
    parser.add_argument(
        "--check", action="store_true", help="show what would run, and train nothing"
    )
    check.add_card(parser)
    parser.add_argument(
        "--restart",
        action="store_true",
        help="start again at the first step; the old record is moved aside",
    )
    add_accept_changes(parser)
    add_force(parser)
    parser.add_argument(
        "--profile", action="store_true", help="trace a few iterations into the run's folder"
    )
    parser.add_argument(
        "--find-nan",
        action="store_true",
        help="repeat a run from its last checkpoint and name the operation that first made a "
        "number non-finite; records nothing",
    )
    parser.add_argument(
        "--words",
        nargs="?",
        const="",
        metavar="FAMILY",
        help="list the words that gin files are written in",
    )


def _execute(options: argparse.Namespace) -> int:
    if options.words is not None:
        words.print_words(options.words or None)
        return 0
    if options.file is None:
        raise UsageError("name a gin file (before --set), or ask for --words.")
    if options.check:
        check.print_check(options.file, options.set, options.card)
        return 0
    if options.card is not None:
        raise UsageError("--card goes with --check: nothing is trained on a card that is not here.")
    return _find_nan(options) if options.find_nan else _train(options)


def _find_nan(options: argparse.Namespace) -> int:
    configure_jax()
    configuration = load_experiment(options.file, options.set)
    from dsl.training.find_nan import find_nan

    found = find_nan(
        configuration, options.file, options.out, accept_changes=options.accept_changes
    )
    print_text(found or "every number of the run stays finite.")
    return EXIT_NON_FINITE if found else 0


def _train(options: argparse.Namespace) -> int:
    configure_jax()
    configuration = load_experiment(options.file, options.set)
    from dsl.training import single_job

    for line in configuration.settings_without_effect():
        print_to_stderr(line)
    if configuration.grid:
        print_to_stderr(
            f"{options.file} describes a sweep; this is one run, with the file's own values. "
            f"All of them: python -m dsl.sweep {options.file}"
        )
    return single_job.training_code(
        lambda: single_job.run(
            configuration,
            options.file,
            options.out,
            profile=options.profile,
            restart=options.restart,
            accept_changes=options.accept_changes,
            force=options.force,
        )
    )


COMMAND = Command("run", "Run an experiment described by a gin file.", _add_arguments, _execute)
