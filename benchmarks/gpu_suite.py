"""Measures an accelerator in calls of minutes, most valuable measurements first.

    python benchmarks/gpu_suite.py --out card.jsonl                       # all stages
    python benchmarks/gpu_suite.py --out card.jsonl --stages updates --seconds 500
    python benchmarks/gpu_suite.py --out card.jsonl --tables              # what is known so far
    python benchmarks/gpu_suite.py --out small.jsonl --small              # rehearsal on a CPU

Every row is written to `--out` as soon as it is measured, and skipped by later calls. After
`--seconds` the suite stops; the same command continues it.

Stages: `correctness` (fused and plain against the CPU, a split batch against a whole one),
`updates` (per second, by depth, precision and form of the kernels), `stacks` (the fused kernels
alone, by tile), `card` (matrix products, copies), `learning` (training runs, seeds together),
`iterations` (whole ones beside the paper's hours; environments alone), `figure` (a piece of the
paper's Figure 1).
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gpu_learning import train_seeds
from gpu_processes import measure_groups
from gpu_record import Record
from gpu_rows import STAGES, Row, row_groups
from gpu_tables import markdown_tables

LEARNING = ("learning", "figure")
# Not worth beginning a training run with less.
LEAST_SECONDS = 60.0
MEMORY_SHARE = 0.9


def main() -> None:
    """Measure what is not yet recorded, or print tables of what is."""
    arguments = _arguments()
    record = Record(arguments.out)
    if arguments.tables:
        print(markdown_tables(record.outcomes))
        return
    deadline = time.monotonic() + arguments.seconds
    waiting: list[list[Row]] = []
    for stage in arguments.stages:
        found = [
            [row for row in group if not record.has(row) and _is_chosen(row, arguments.only)]
            for group in row_groups(stage, arguments.kernels, small=arguments.small)
        ]
        waiting += [group for group in found if group]
        if stage in LEARNING:
            measure_groups([g for g in waiting if g[0]["stage"] not in LEARNING], record, deadline)
            _train([g for g in waiting if g[0]["stage"] in LEARNING], record, deadline, arguments)
            waiting = []
    measure_groups(waiting, record, deadline)


def _is_chosen(row: Row, only: list[str]) -> bool:
    """Return whether a row agrees with the values asked for, such as `depth=4,16`."""
    asked = [choice.split("=", 1) for choice in only]
    return all(name not in row or str(row[name]) in values.split(",") for name, values in asked)


def _train(
    groups_of_runs: list[list[Row]], record: Record, deadline: float, arguments: argparse.Namespace
) -> None:
    """Train the runs that are left, `--at-once` at a time."""
    share, runs = MEMORY_SHARE / arguments.at_once, record.path.parent / "runs"

    def train(row: Row) -> None:
        if deadline - time.monotonic() > LEAST_SECONDS:
            record.add({"row": row, **train_seeds(row, runs, deadline, share)})

    with ThreadPoolExecutor(arguments.at_once) as pool:
        list(pool.map(train, [row for group in groups_of_runs for row in group]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON lines that are added to")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--seconds", type=float, default=540.0, help="until it stops (540)")
    parser.add_argument(
        "--kernels", nargs="+", default=["xla", "fused"], help="forms of the stacks"
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME=VALUES", help="of rows")
    parser.add_argument("--at-once", type=int, default=1, help="training runs at a time (1)")
    parser.add_argument("--small", action="store_true", help="rehearse on a CPU")
    parser.add_argument("--tables", action="store_true", help="print what is recorded")
    return parser.parse_args()


if __name__ == "__main__":
    main()
