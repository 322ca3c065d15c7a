"""List the words that gin files are written in: `kilolayer words [FAMILY]`."""

import argparse

from dsl.cli.command import Command, configure_jax_for_text
from dsl.cli.output import print_text


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("family", nargs="?", metavar="FAMILY", help="list this family only")


def _execute(options: argparse.Namespace) -> int:
    print_words(options.family)
    return 0


def print_words(family: str | None) -> None:
    """Print the words of a family, or of all families, with their settings.

    Raises:
        UsageError: there is no such family.
    """
    configure_jax_for_text()
    from dsl.language.listing import listing

    print_text(listing(family))


COMMAND = Command(
    "words", "List the words that gin files are written in.", _add_arguments, _execute
)
