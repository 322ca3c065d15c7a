"""Does one training epoch compile as quickly at depth 1024 as at depth 4?

    python benchmarks/compile_time.py [--rounds 3] [--file experiments/quickstart.gin]

Traces and compiles all of an epoch (collection, updates of actor and critic; evaluation) at either
depth in turn, actor and critic alike, without a compilation cache. Prints medians and the ratio.
"""

import argparse
import statistics
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp

from dsl.language.configuration import load
from dsl.loop import training_loop
from dsl.training.build import build

DEPTHS = (4, 1024)


def compile_seconds(file: Path, depth: int) -> tuple[float, float]:
    """Trace and compile one epoch at a depth, from cold, and return the seconds of each."""
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


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--file", type=Path, default=Path("experiments/quickstart.gin"))
    options = parser.parse_args()
    jax.config.update("jax_enable_compilation_cache", False)
    rounds = [{d: compile_seconds(options.file, d) for d in DEPTHS} for _ in range(options.rounds)]
    print("depth  trace s  compile s")
    for depth in DEPTHS:
        trace, compiling = (statistics.median(r[depth][i] for r in rounds) for i in (0, 1))
        print(f"{depth:5d}  {trace:7.1f}  {compiling:9.1f}")
    shallow, deep = DEPTHS
    ratio = statistics.median(sum(r[deep]) / sum(r[shallow]) for r in rounds)
    print(f"ratio of depth {deep} to depth {shallow}, trace and compile: {ratio:.2f}")


if __name__ == "__main__":
    main()
