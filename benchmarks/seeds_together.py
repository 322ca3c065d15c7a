"""Seeds one after the other, two at a time, and together in one compiled program: time of a sweep.

    python benchmarks/seeds_together.py
    python benchmarks/seeds_together.py --iterations

Sweeps of the quickstart over its seeds, shortened, each from its first process to the last one's
end: seconds that passed, and seconds of all processors, which other work on the machine changes
less. The forms take turns; a first round, not counted, leaves the compiled programs in a cache that
all later ones read. Ratios are medians over rounds of the first form's time by the form's, so that
above 1 is faster. With `--iterations`, in one process: what an iteration, with 100 updates, takes
for each seed, alone as `dsl.run` runs it and together.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILE = "experiments/quickstart.gin"
FORMS = {
    "one after the other": (),
    "--jobs 2": ("--jobs", "2"),
    "--vmap-seeds": ("--vmap-seeds",),
}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--iterations", action="store_true")
    arguments = parser.parse_args()
    if arguments.iterations:
        _iterations(arguments.seeds, arguments.rounds)
    else:
        _sweeps(arguments)


def _sweeps(arguments: argparse.Namespace) -> None:
    print(f"| seeds | seconds | {' | '.join(FORMS)} |\n| ---: | --- |{' --- |' * len(FORMS)}")
    with tempfile.TemporaryDirectory() as cache:
        for count in arguments.seeds:
            rounds = [_round(count, arguments.steps, cache) for _ in range(arguments.rounds + 1)][
                1:
            ]
            for i, name in enumerate(("that passed", "of processors")):
                cells = _cells([[times[i] for times in forms] for forms in rounds])
                print(f"| {count} | {name} | {' | '.join(cells)} |", flush=True)


def _round(seeds: int, steps: int, cache: str) -> list[tuple[float, float]]:
    """Measure every form once."""
    found = [_times(form, seeds, steps, cache) for form in FORMS.values()]
    print(f"{seeds} seeds: {found}", file=sys.stderr, flush=True)
    return found


def _cells(times: list[list[float]]) -> list[str]:
    """Format `81, ratio 1.20` for every form, from its times in every round."""
    cells = []
    for i in range(len(FORMS)):
        median = statistics.median(row[i] for row in times)
        ratio = statistics.median(row[0] / row[i] for row in times)
        cells.append(f"{median:.0f}, ratio {ratio:.2f}")
    return cells


def _times(form: tuple[str, ...], seeds: int, steps: int, cache: str) -> tuple[float, float]:
    """Run a whole sweep; return the seconds that passed and those of all processors."""
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "dsl.sweep", FILE, *form, "--out", f"{place}/runs"]
        values = (
            f"sweep.grid={{'SEED': {list(range(seeds))}}}",
            *(f"TOTAL_ENV_STEPS={steps}", "Experiment.evaluations=2", "Experiment.film=False"),
        )
        environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": cache}
        passed, used = time.perf_counter(), _processors()
        subprocess.run(
            [*command, "--set", *values],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return time.perf_counter() - passed, _processors() - used


def _iterations(seeds: list[int], rounds: int) -> None:
    from dsl.training.cpu_devices import use_every_core

    use_every_core()
    forms = {count: _form(count) for count in (1, *seeds)}
    times: dict[int, list[tuple[float, float]]] = {count: [] for count in forms}
    for _ in range(rounds):
        for count, iterate in forms.items():
            times[count].append(_timed(iterate))
    print(
        "| seeds together | seconds per seed | processor seconds per seed |\n| ---: | --- | --- |"
    )
    for count, found in times.items():
        cells = [f"{statistics.median(row[i] for row in found) / count:.3f}" for i in (0, 1)]
        print(f"| {count} | {' | '.join(cells)} |")


def _form(count: int) -> Callable[[], None]:
    """Return a function that runs three iterations of `count` seeds with filled buffers."""
    import jax

    from dsl.language.configuration import load
    from dsl.loop import execution, multi_seed
    from dsl.training.build import build

    experiment = build(load(ROOT / FILE))
    program, fill = experiment.program(), experiment.schedule().prefill_iterations
    if count == 1:
        program = execution.assign_devices(program)
        state = execution.init_on_devices(program, 0)
        loop = execution.compile_loop(program, state)
    else:
        state = multi_seed.init_seeds(program, range(count))
        loop = execution.FusedExecution(program, state, multi_seed.vmap_over_seeds)
    latest = [loop.run_iterations(state, fill, 0)]

    def iterate() -> None:
        latest[0] = loop.run_iterations(latest[0], 3, experiment.updates_per_iteration)
        jax.block_until_ready(latest[0])

    iterate()
    return iterate


def _timed(iterate: Callable[[], None]) -> tuple[float, float]:
    """Return the seconds of one of the three iterations: that passed, and of processors."""
    passed, used = time.perf_counter(), time.process_time()
    iterate()
    return (time.perf_counter() - passed) / 3, (time.process_time() - used) / 3


def _processors() -> float:
    """Return the user and system seconds of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
