"""Builds experiments, compiles programs and takes times for `gpu_suite.py`."""

import statistics
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple

import jax

ROOT = Path(__file__).resolve().parents[1]
FREE_ANT = ROOT / "experiments" / "free_ant.gin"
PAPER_TASKS = ROOT / "experiments" / "paper" / "depth.gin"
ROUNDS, WARM_CALLS, LEAST_SECONDS, MOST_PER_CALL = 5, 3, 0.3, 4096

Row = dict[str, Any]
Result = dict[str, Any]


class Compiled(NamedTuple):
    """Holds a compiled program and the seconds of its compilation.

    Attributes:
        call: the program.
        seconds: of its compilation, beside those of the other rows.
    """

    call: Any
    seconds: float


# A measurement hands out programs to be compiled beside those of other rows, and gets them back.
Measurement = Generator[list[Any], list[Compiled], Result]


def experiment_of(row: Row) -> Any:
    """Build the experiment of a row: its task and depth, at the paper's settings."""
    from dsl import build, load

    depth, task = row.get("depth", 4), row.get("task", "ant")
    settings = [f"CRITIC_DEPTH={depth}", f"ACTOR_DEPTH={min(depth, 512)}", *row.get("set", ())]
    if task == "ant":
        return build(load(FREE_ANT, settings))
    return build(load(PAPER_TASKS, [f"TASK='{task}'", *settings]))


def compile_program(lowered: Any) -> Compiled:
    """Compile a lowered program."""
    begun = time.perf_counter()
    call = lowered.compile()
    return Compiled(call, time.perf_counter() - begun)


def shapes_of(tree: Any) -> Any:
    """Return a tree with shapes in place of its arrays."""
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), tree)


def is_shape(leaf: Any) -> bool:
    """Return whether a leaf stands for an array."""
    return isinstance(leaf, jax.ShapeDtypeStruct)


def time_call(call: Callable[[int], None], count: int) -> float:
    """Return the seconds of one call that waits for its results."""
    begun = time.perf_counter()
    call(count)
    return time.perf_counter() - begun


def rate_of(call: Callable[[int], None], most: int = MOST_PER_CALL) -> Result:
    """Measure how many of the `count` repetitions of `call(count)` fit into a second.

    Returns:
        Median, lowest and highest over the rounds, each of them `count` times.
    """
    for _ in range(WARM_CALLS):
        call(1)
    count, seconds = 1, time_call(call, 1)
    while seconds < LEAST_SECONDS and count < most:
        count = min(most, max(2 * count, int(1.2 * count * LEAST_SECONDS / max(seconds, 1e-6))))
        seconds = time_call(call, count)
    rates = [count / time_call(call, count) for _ in range(ROUNDS)]
    found = {"per_second": statistics.median(rates), "lowest": min(rates), "highest": max(rates)}
    return {**found, "count": count}


def memory_of(compiled: Any) -> float | None:
    """Return the MiB that a program asks for: arguments, results and what lies between."""
    found = compiled.memory_analysis()
    if found is None:
        return None
    held = found.argument_size_in_bytes + found.output_size_in_bytes + found.temp_size_in_bytes
    return (held - found.alias_size_in_bytes) / 2**20
