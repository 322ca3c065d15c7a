"""Check an experiment without running it: `kilolayer check FILE.gin`, or `run FILE.gin --check`."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from dsl.cli.command import (
    Command,
    add_overrides,
    configure_jax,
    configure_jax_for_text,
    experiment_file,
    load_experiment,
    print_to_stderr,
)
from dsl.cli.output import print_text

OVERRIDES_HELP = "set macros or settings, as in WIDTH=64 env.PointMaze.layout=big_maze"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=experiment_file, metavar="FILE.gin", help="the experiment")
    add_overrides(parser, OVERRIDES_HELP)
    add_card(parser)


def add_card(parser: argparse.ArgumentParser) -> None:
    """Add `--card NAME`, a GPU that this machine need not have."""
    parser.add_argument(
        "--card",
        metavar="h100|a100|8xh100",
        help="compile for this card too, without having it, and show what that asks of it",
    )


def _execute(options: argparse.Namespace) -> int:
    print_check(options.file, options.set, options.card)
    return 0


def print_check(file: Path, overrides: Iterable[str], card: str | None) -> None:
    """Print what an experiment consists of and what it will need.

    Args:
        file: the experiment.
        overrides: settings in place of the file's.
        card: name of a card to compile the experiment for.

    Raises:
        ConfigError: the experiment cannot be built, or a run of its sweep.
        UsageError: two runs of its sweep are the same, or it cannot be compiled for the card.
    """
    if card is None:
        configure_jax()
    else:
        configure_jax_for_text()
        from dsl.training.card.cards import parse_cards
        from dsl.training.card.described_devices import describe_devices

        count, kind = parse_cards(card)
        devices = describe_devices(kind, count)
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
    if card is not None:
        from components.target_devices import tracing_for
        from dsl.training.build import build
        from dsl.training.card.description import describe_on_card

        print_to_stderr(f"compiling for {card}, which may take minutes")
        with tracing_for(devices):  # an engine may refuse the card
            experiment = build(configuration)
        print_text("\n" + describe_on_card(experiment, kind, devices))


COMMAND = Command(
    "check",
    "Show what an experiment consists of and needs, and train nothing.",
    _add_arguments,
    _execute,
)
