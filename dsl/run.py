"""The command line: `python -m dsl.run FILE.gin`; only arguments are read here.

Exit codes: 0 done, 2 something to mend in the call or the gin file, 3 training gave numbers that
are not finite, 130 interrupted.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dsl.errors import RecordError, UsageError

_DESCRIPTION = "Run an experiment that a gin file describes."
_USAGE, _NON_FINITE, _INTERRUPTED = 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for, and return the exit code."""
    options = _parser().parse_args(arguments)
    if options.file is None and options.words is None:
        _parser().error("name a gin file (before --set), or ask for --words.")
    try:
        return _dispatch(options)
    except (UsageError, RecordError) as error:
        if options.debug:
            raise
        print(error, file=sys.stderr)
        return _USAGE
    except KeyboardInterrupt:
        print("interrupted; metrics.jsonl has every finished epoch.", file=sys.stderr)
        return _INTERRUPTED


def _dispatch(options: argparse.Namespace) -> int:
    # The heavy imports wait until the arguments have turned out to make sense.
    from dsl.jax_setup import prepare

    prepare(lambda line: print(line, file=sys.stderr))
    from dsl import check, job, vocabulary  # noqa: F401 - the vocabulary registers its words
    from dsl.config import load
    from dsl.driver import NonFiniteError
    from dsl.words import listing

    if options.words is not None:
        print(listing(options.words or None))
        return 0
    overrides = [item for group in options.set for item in group]
    configuration = load(options.file, overrides)
    if options.check:
        print(check.report(configuration))
        return 0
    try:
        job.run(configuration, options.file, options.out, options.profile)
    except NonFiniteError as error:
        print(error, file=sys.stderr)
        return _NON_FINITE
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dsl.run", description=_DESCRIPTION)
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE.gin", help="the experiment")
    parser.add_argument(
        "--set",
        nargs="+",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set capitals or settings, as in WIDTH=64 env.PointMaze.layout=big_maze",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the run")
    parser.add_argument(
        "--check", action="store_true", help="show what would run, and train nothing"
    )
    parser.add_argument(
        "--profile", action="store_true", help="trace a few iterations into the run's folder"
    )
    parser.add_argument("--debug", action="store_true", help="show a traceback with an error")
    parser.add_argument(
        "--words",
        nargs="?",
        const="",
        metavar="FAMILY",
        help="list the words that gin files are written in",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
