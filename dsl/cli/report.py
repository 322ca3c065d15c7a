"""Make tables and figures from run folders: `kilolayer report RUNS... --out DIR`.

Exit codes: 0 done, naming whatever could not be shown; 2 an error in the call, or no usable run.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from dsl.cli.command import (
    Command,
    add_trust,
    configure_jax,
    folder_path,
    positive_int,
    run_command,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Execute `python -m dsl.report ...` and return the exit code."""
    return run_command(COMMAND, arguments)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUNS", help="run folders, or folders that hold runs"
    )
    parser.add_argument(
        "--out", type=folder_path, required=True, metavar="DIR", help="folder of the report"
    )
    parser.add_argument(
        "--metric",
        help="the score, any name in metrics.jsonl (default: the runs' Experiment.best_by)",
    )
    parser.add_argument(
        "--last",
        type=positive_int,
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
    add_trust(parser)
    parser.add_argument(
        "--no-aim", action="store_true", help="do not copy the figures into run folders and Aim"
    )


def _execute(options: argparse.Namespace) -> int:
    configure_jax(every_core=False)
    # The heavy imports wait until the arguments have been parsed.
    from dsl.report.document.make import ReportOptions, make_report

    chosen = ReportOptions(
        metric=options.metric,
        last=options.last,
        checkpoints=not options.no_checkpoints,
        every_run=options.every_run,
        aim=not options.no_aim,
        trust=options.trust,
    )
    make_report(options.runs, options.out, chosen, lambda line: print(line, flush=True))
    return 0


COMMAND = Command("report", "Make tables and figures from run folders.", _add_arguments, _execute)
