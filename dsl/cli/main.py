"""The console script `kilolayer`: all commands under one name."""

import argparse
from collections.abc import Sequence

from dsl.cli import check, play, report, run, sweep, track, words
from dsl.cli.command import parse_and_execute

COMMANDS = tuple(m.COMMAND for m in (run, check, words, sweep, play, report, track))


def main(arguments: Sequence[str] | None = None) -> int:
    """Execute `kilolayer COMMAND ...` and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="kilolayer", description="Train very deep goal-reaching agents described by gin files."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        summary = command.summary
        command.configure_parser(
            commands.add_parser(command.name, help=summary, description=summary)
        )
    return parse_and_execute(parser, arguments)
