"""Measures how long programs compile: at depth 4 and 1024, and before a run's first step.

    python benchmarks/compile_time.py [--rounds 3] [--file experiments/quickstart.gin]
    python benchmarks/compile_time.py [--one-by-one] --start FILE.gin [NAME=VALUE ...]

The first form traces and compiles all of an epoch (collection, updates of actor and critic;
evaluation) at either depth in turn, actor and critic alike, and prints medians and the ratio. The
second starts a run as `python -m dsl.run` does, up to its first unroll, and prints the seconds of
every part on the clock, and those of the whole on all processors too. With `--one-by-one`, parts do
not overlap, so every part's processor time is known. Neither form uses a compilation cache.
"""

import argparse
import os
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import jax
import jax.numpy as jnp

from dsl.training.cpu_devices import use_every_core

DEPTHS = (4, 1024)


def compile_seconds(file: Path, depth: int) -> tuple[float, float]:
    """Trace and compile one epoch at a depth, from cold, and return the seconds of each."""
    import equinox as eqx

    from dsl.language.configuration import load
    from dsl.loop import training_loop
    from dsl.training.build import build

    jax.clear_caches()
    program = build(load(file, [f"CRITIC_DEPTH={depth}", f"ACTOR_DEPTH={depth}"])).program()
    state = eqx.filter_jit(training_loop.init_train_state)(program, jnp.zeros((), jnp.uint32))
    count = jnp.ones((), jnp.int32)
    begun = time.perf_counter()
    lowered = [
        eqx.filter_jit(training_loop.run_iterations).lower(program, state, count, count),
        eqx.filter_jit(training_loop.end_epoch).lower(program, state, count),
    ]
    traced = time.perf_counter()
    for part in lowered:
        part.compile()
    return traced - begun, time.perf_counter() - traced


def compare_depths(file: Path, rounds: int) -> None:
    """Compile at both depths in turn, and print a table."""
    measured = [{depth: compile_seconds(file, depth) for depth in DEPTHS} for _ in range(rounds)]
    print("depth  trace s  compile s")
    for depth in DEPTHS:
        trace, compiling = (statistics.median(r[depth][i] for r in measured) for i in (0, 1))
        print(f"{depth:5d}  {trace:7.1f}  {compiling:9.1f}")
    shallow, deep = DEPTHS
    ratio = statistics.median(sum(r[deep]) / sum(r[shallow]) for r in measured)
    print(f"ratio of depth {deep} to depth {shallow}, trace and compile: {ratio:.2f}")


def start_run(file: Path, overrides: Sequence[str], *, one_by_one: bool) -> None:
    """Start a run, unroll its environments once, and print what each part took."""
    use_every_core()  # before anything that is imported here starts JAX
    from dsl.language.configuration import load
    from dsl.loop import execution
    from dsl.training.build import build

    _print_row("importing", _seconds_since_start(), time.process_time())
    turn = threading.Lock()

    @contextmanager
    def timed(stage: str, part: str) -> Iterator[None]:
        with turn if one_by_one else nullcontext():
            clock, processor = time.perf_counter(), time.process_time()
            yield
            used = time.process_time() - processor if one_by_one else None
            _print_row(f"{stage} {part}", time.perf_counter() - clock, used)

    with timed("building", "experiment"):
        experiment = build(load(file, overrides))
        program = execution.assign_devices(experiment.program(experiment.schedule()))
    with timed("compiling", "initial state"):
        state = jax.block_until_ready(execution.init_on_devices(program, experiment.seed))
    loop = execution.compile_loop(program, state, timed)
    _print_row("all, to the first step", _seconds_since_start(), time.process_time())
    with timed("making", "one unroll"):
        jax.block_until_ready(loop.run_iterations(state, 1, 0))


def _print_row(part: str, clock: float, processor: float | None) -> None:
    used = "" if processor is None else f"  processor {processor:6.1f} s"
    print(f"{part:32s}  clock {clock:6.1f} s{used}", flush=True)


def _seconds_since_start() -> float:
    """Return the age of this process."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--file", type=Path, default=Path("experiments/quickstart.gin"))
    parser.add_argument("--start", nargs="+", metavar=("FILE.gin", "NAME=VALUE"))
    parser.add_argument("--one-by-one", action="store_true")
    options = parser.parse_args()
    jax.config.update("jax_enable_compilation_cache", False)
    if options.start:
        start_run(Path(options.start[0]), options.start[1:], one_by_one=options.one_by_one)
    else:
        compare_depths(options.file, options.rounds)


if __name__ == "__main__":
    main()
