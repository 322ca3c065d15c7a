"""Check an experiment without running it: `kilolayer check FILE.gin`, or `run FILE.gin --check`."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from dsl.cli.command import Command, add_overrides, configure_jax, experiment_file, load_experiment
from dsl.cli.output import print_text

OVERRIDES_HELP = "set macros or settings, as in WIDTH=64 env.PointMaze.layout=big_maze"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=experiment_file, metavar="FILE.gin", help="the experiment")
    add_overrides(parser, OVERRIDES_HELP)


def _execute(options: argparse.Namespace) -> int:
    print_check(options.file, options.set)
    return 0


def print_check(file: Path, overrides: Iterable[str]) -> None:
    """Print what an experiment consists of and what it will need.

    Raises:
        ConfigError: the experiment cannot be built, or a run of its sweep.
        UsageError: two runs of its sweep are the same.
    """
    configure_jax()
    overrides = list(overrides)
    configuration = load_experiment(file, overrides)
    if configuration.grid:
        from dsl.sweep.grid import make_trials

        # What --set fixes for the one run that is shown, the sweep varies all the same.
        varied = {name for names in configuration.grid for name in names}
        shared = [o for o in overrides if o.partition("=")[0].strip() not in varied]
        make_trials(file, shared, Path("runs"))
    from dsl.training.description import describe_experiment

    print_text(describe_experiment(configuration))


COMMAND = Command(
    "check",
    "Show what an experiment consists of and needs, and train nothing.",
    _add_arguments,
    _execute,
)
