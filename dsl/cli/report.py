"""Tables and figures from run folders: `python -m dsl.report RUNS... --out DIR`.

Only arguments are read here. Exit codes: 0 done, what could not be shown being named; 2 something
to mend, or no run that can be used.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dsl.cli.command import add_debug, exit_code, folder, positive

_DESCRIPTION = "Make tables and figures from run folders."


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for, and return the exit code."""
    options = _parser().parse_args(arguments)
    return exit_code(lambda: _report(options), debug=options.debug)


def _report(options: argparse.Namespace) -> int:
    # The heavy imports wait until the arguments have turned out to make sense.
    from dsl.training.compilation_cache import keep_compiled

    keep_compiled(lambda line: print(line, file=sys.stderr))
    from dsl.report.make import ReportOptions, make

    wishes = ReportOptions(
        metric=options.metric,
        last=options.last,
        checkpoints=not options.no_checkpoints,
        every_run=options.every_run,
        aim=not options.no_aim,
    )
    make(options.runs, options.out, wishes, lambda line: print(line, flush=True))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dsl.report", description=_DESCRIPTION)
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUNS", help="run folders, or folders that hold runs"
    )
    parser.add_argument(
        "--out", type=folder, required=True, metavar="DIR", help="folder of the report"
    )
    parser.add_argument(
        "--metric",
        default="eval/time_at_goal",
        help="the score (eval/time_at_goal); any name in metrics.jsonl",
    )
    parser.add_argument(
        "--last",
        type=positive,
        default=5,
        metavar="N",
        help="evaluations whose mean is a run's final performance (5)",
    )
    parser.add_argument(
        "--no-checkpoints",
        action="store_true",
        help="leave out what needs trained networks: seconds instead of minutes",
    )
    parser.add_argument(
        "--every-run",
        action="store_true",
        help="show the networks of every run, not only of the median run of those alike",
    )
    parser.add_argument(
        "--no-aim", action="store_true", help="leave run folders and Aim without the figures"
    )
    add_debug(parser)
    return parser
