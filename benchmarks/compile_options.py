"""Measures what options of XLA's CPU compiler change: time to compile, speed, and the numbers.

    python benchmarks/compile_options.py ant xla_llvm_disable_expensive_passes=True

Compiles an unroll of 64 environments with auto-reset in MJX, first as it is and then with each
option by itself, one program at a time on one device. Prints processor seconds to compile, those of
the quickest of three unrolls, and whether the last states have the same bits. Options that this
version of XLA does not know are reported.
"""

import argparse
import ast
import time
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

ENVS, STEPS, ROUNDS = 64, 30, 3


def lower_unroll(task: str) -> tuple[Any, tuple]:
    """Trace an unroll of a task, and return it with its arguments."""
    import components.environments as tasks
    from components.environments.core.auto_reset import step_or_reset
    from components.environments.core.physics.mjx import MJX

    env = getattr(tasks, task)(physics=MJX())
    step = jax.vmap(partial(step_or_reset, env))

    def unroll(start: tuple, key: jax.Array) -> jax.Array:
        def advance(carry: tuple, index: jax.Array) -> tuple[tuple, None]:
            state, timestep = carry
            shape = (ENVS, env.dims.action)
            action = jax.random.uniform(jax.random.fold_in(key, index), shape, minval=-1.0)
            return step(state, timestep, action, state.key), None

        steps = jnp.arange(STEPS, dtype=jnp.int32)
        return jax.lax.scan(advance, start, steps)[0][1].observation.state

    start = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), ENVS))
    arguments = (start, jax.random.key(1))
    return jax.jit(unroll).lower(*arguments), arguments


def measure(lowered: Any, arguments: tuple, options: dict[str, Any]) -> tuple[float, float, Any]:
    """Return processor seconds to compile, those of an unroll, and the states at its end."""
    begun = time.process_time()
    compiled = lowered.compile(compiler_options=options)
    to_compile, unrolls = time.process_time() - begun, []
    for _ in range(ROUNDS):
        begun = time.process_time()
        states = jax.block_until_ready(compiled(*arguments))
        unrolls.append(time.process_time() - begun)
    return to_compile, min(unrolls), np.asarray(states)


def _parse(option: str) -> dict[str, Any]:
    name, value = option.split("=")
    return {name: ast.literal_eval(value)}


def main() -> None:
    """Measure each option, and print a row for it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", help="a function of components.environments")
    parser.add_argument("options", nargs="+", metavar="NAME=VALUE")
    arguments = parser.parse_args()
    jax.config.update("jax_num_cpu_devices", 1)
    jax.config.update("jax_enable_compilation_cache", False)
    program = lower_unroll(arguments.task)
    expected = None
    for option in ("", *arguments.options):
        try:
            options = _parse(option) if option else {}
            compile_seconds, seconds, states = measure(*program, options)
        except jax.errors.JaxRuntimeError as error:
            print(f"{option}: {str(error).splitlines()[0]}", flush=True)
            continue
        expected = states if expected is None else expected
        same = "the same bits" if np.array_equal(states, expected) else "other bits"
        print(
            f"{option or 'as it is':45s} compile {compile_seconds:6.1f} s  "
            f"{ENVS * STEPS} steps {seconds:6.3f} s  {same}",
            flush=True,
        )


if __name__ == "__main__":
    main()
