"""The command line: `python -m dsl.run FILE.gin`; only arguments are read here.

Exit codes: 0 done, 2 something to mend in the call or the gin file, 3 training gave numbers that
are not finite, 143, 130 or 75 after SIGTERM, SIGINT or SIGUSR1.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dsl.cli.command import add_debug, add_overrides, exit_code, folder

_DESCRIPTION = "Run an experiment that a gin file describes."


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for, and return the exit code."""
    options = _parser().parse_args(arguments)
    if options.file is None and options.words is None:
        _parser().error("name a gin file (before --set), or ask for --words.")
    return exit_code(lambda: _dispatch(options), debug=options.debug)


def _dispatch(options: argparse.Namespace) -> int:
    # The heavy imports wait until the arguments have turned out to make sense.
    from dsl.training.compilation_cache import keep_compiled
    from dsl.training.cpu_devices import use_every_core

    keep_compiled(lambda line: print(line, file=sys.stderr))
    use_every_core()
    from dsl import vocabulary  # noqa: F401 - registers its words
    from dsl.cli import check
    from dsl.language.configuration import load
    from dsl.language.listing import listing
    from dsl.training import run_job

    if options.words is not None:
        print(listing(options.words or None))
        return 0
    configuration = load(options.file, options.set)
    for notice in configuration.notices:
        print(notice, file=sys.stderr)
    if options.check:
        print(check.report(configuration))
        return 0
    if configuration.grid:
        print(
            f"{options.file} describes a sweep; this is one run, with the file's own values. "
            f"All of them: python -m dsl.sweep {options.file}",
            file=sys.stderr,
        )
    return run_job.training_code(
        lambda: run_job.run(configuration, options.file, options.out, options.profile)
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dsl.run", description=_DESCRIPTION)
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE.gin", help="the experiment")
    add_overrides(parser, "set capitals or settings, as in WIDTH=64 env.PointMaze.layout=big_maze")
    parser.add_argument("--out", type=folder, metavar="DIR", help="folder of the run")
    parser.add_argument(
        "--check", action="store_true", help="show what would run, and train nothing"
    )
    parser.add_argument(
        "--profile", action="store_true", help="trace a few iterations into the run's folder"
    )
    add_debug(parser)
    parser.add_argument(
        "--words",
        nargs="?",
        const="",
        metavar="FAMILY",
        help="list the words that gin files are written in",
    )
    return parser
