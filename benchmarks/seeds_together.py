"""Seeds one after the other, two at a time, and together in one compiled program: wall time.

    python benchmarks/seeds_together.py

Sweeps of the quickstart over its seeds, shortened, each from its first process to the last one's
end. The forms take turns, so that other work on the machine meets them alike; a first round, not
counted, leaves the compiled programs in a cache that all later ones read. Ratios are medians over
rounds of the first form's time by the form's.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILE = "experiments/quickstart.gin"
FORMS = {
    "one after the other": (),
    "--jobs 2": ("--jobs", "2"),
    "--together": ("--together",),
}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--steps", type=int, default=150_000)
    arguments = parser.parse_args()
    print(f"| seeds | {' | '.join(FORMS)} |\n| ---: |{' --- |' * len(FORMS)}")
    with tempfile.TemporaryDirectory() as cache:
        for count in arguments.seeds:
            times = [
                [_seconds(form, count, arguments.steps, cache) for form in FORMS.values()]
                for _ in range(arguments.rounds + 1)
            ][1:]
            print(f"| {count} | {' | '.join(_cells(times))} |", flush=True)


def _cells(times: list[list[float]]) -> list[str]:
    """`81 s, ratio 1.20` of every form, from its times in every round."""
    cells = []
    for i in range(len(FORMS)):
        median = statistics.median(row[i] for row in times)
        ratio = statistics.median(row[0] / row[i] for row in times)
        cells.append(f"{median:.0f} s, ratio {ratio:.2f}")
    return cells


def _seconds(form: tuple[str, ...], seeds: int, steps: int, cache: str) -> float:
    """Of a whole sweep."""
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "dsl.sweep", FILE, *form, "--out", f"{place}/runs"]
        values = (
            f"sweep.grid={{'SEED': {list(range(seeds))}}}",
            *(f"TOTAL_ENV_STEPS={steps}", "Experiment.evaluations=3", "Experiment.film=False"),
        )
        environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": cache}
        begun = time.perf_counter()
        subprocess.run(
            [*command, "--set", *values],
            cwd=Path(__file__).resolve().parents[1],
            env=environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return time.perf_counter() - begun


if __name__ == "__main__":
    main()
