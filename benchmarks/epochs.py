"""Where the time of a run goes: training, evaluation, and everything beside them.

    python benchmarks/epochs.py                                          # the quickstart, all of it
    python benchmarks/epochs.py experiments/point_u_maze/sac_her.gin

Runs a gin file at its own cadences, as `dsl.run` does, and prints the shares of its epochs:
training (environments and updates), evaluation, and the rest, which is records, Aim, checks and
checkpoints. From the first epoch after the one that fills the buffer to the last evaluation;
compiling and the pictures at the end are not counted.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import jax

from dsl.cli.command import add_overrides
from dsl.cli.run import main as run
from dsl.loop.execution import FusedExecution, SplitCpuExecution

SECONDS: dict[str, float] = defaultdict(float)
CLOCK: dict[str, float] = {}


def count_seconds(form: type, name: str) -> None:
    """Count the seconds that a part of the loop takes, from the second evaluation on."""
    part = getattr(form, name)

    def counted(*arguments):
        begun = time.perf_counter()
        result = jax.block_until_ready(part(*arguments))
        ended = time.perf_counter()
        if "begun" in CLOCK:
            SECONDS[name] += ended - begun
            CLOCK["ended"] = ended
        elif name == "end_epoch":
            CLOCK["begun"] = ended
        return result

    setattr(form, name, counted)


def main() -> None:
    """Run, and print the shares."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=Path("experiments/quickstart.gin"))
    add_overrides(parser, "as for dsl.run")
    options = parser.parse_args()
    for form in (SplitCpuExecution, FusedExecution):
        count_seconds(form, "run_iterations")
        count_seconds(form, "end_epoch")
    overrides = ["--set", *options.set] if options.set else []
    with tempfile.TemporaryDirectory() as place:
        code = run([str(options.file), "--out", f"{place}/run", *overrides])
    if code:
        raise SystemExit(code)
    whole = CLOCK["ended"] - CLOCK["begun"]
    rest = whole - SECONDS["run_iterations"] - SECONDS["end_epoch"]
    print(
        f"training    {SECONDS['run_iterations']:7.1f} s  {SECONDS['run_iterations'] / whole:6.1%}"
    )
    print(f"evaluation  {SECONDS['end_epoch']:7.1f} s  {SECONDS['end_epoch'] / whole:6.1%}")
    print(f"the rest    {rest:7.1f} s  {rest / whole:6.1%}")


if __name__ == "__main__":
    main()
