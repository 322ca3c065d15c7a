"""Environment steps per second of whole training iterations of the ant.

    python benchmarks/iteration.py

64 environments, unrolls of 62 steps, networks of depth 4 and width 256, batches of 256, on all
cores, as `dsl.run` uses them. Also the share of an iteration that drawing and relabelling batches
takes, compiled alone. Medians of the rounds. `peers.py` measures the same beside other projects.
"""

import argparse
import statistics
import time
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "experiments" / "ant_maze_1024.gin"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--updates", type=int, nargs="+", default=[50, 250])
    options = parser.parse_args()
    from dsl.training.cpu_devices import use_every_core

    use_every_core()
    program, loop, state = fill_buffer(build_experiment())
    print("| updates per iteration | steps/s | drawing batches |\n| ---: | ---: | ---: |")
    for updates in options.updates:
        seconds, state = _iteration(loop, state, updates, options.rounds)
        speed = program.num_envs * program.unroll_length / seconds
        drawing = _drawing(program, state, updates, options.rounds) / seconds
        print(f"| {updates} | {speed:,.0f} | {drawing:.1%} |", flush=True)


def build_experiment(
    envs: int = 64, unroll: int = 62, width: int = 256, batch: int = 256, depth: int = 4
):
    """Build an experiment with the ant, at the paper's settings but for these."""
    from dsl.language.configuration import load
    from dsl.training.build import build

    settings = (
        *(f"NUM_ENVS={envs}", f"BATCH_SIZE={batch}", f"WIDTH={width}"),
        *(f"CRITIC_DEPTH={depth}", f"ACTOR_DEPTH={depth}", f"Experiment.eval_episodes={envs}"),
        *(f"Experiment.unroll_length={unroll}", "Experiment.prefill_steps=1_000"),
        *("Experiment.environment=@env.Ant()", "Experiment.eval_environment=@env.Ant()"),
        "env.Ant.episode_length=1_000",
    )
    return build(load(FILE, settings))


def fill_buffer(experiment):
    """Return the program, its compiled loop, and a state with a filled buffer."""
    from dsl.loop import execution

    program = execution.assign_devices(experiment.program())
    state = execution.init_on_devices(program, 0)
    loop = execution.compile_loop(program, state)
    return program, loop, loop.run_iterations(state, experiment.schedule().prefill_iterations, 0)


def _iteration(loop, state, updates: int, rounds: int):
    """Return the median seconds of an iteration, and the state after the last one."""
    import jax

    state = jax.block_until_ready(loop.run_iterations(state, 1, updates))
    seconds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        state = jax.block_until_ready(loop.run_iterations(state, 1, updates))
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds), state


def _drawing(program, state, updates: int, rounds: int) -> float:
    """Return the median seconds of drawing and relabelling the batches of an iteration."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    from components.replay.batch import Replay

    (learner,) = program.learners.values()

    @eqx.filter_jit
    def draw(buffer):
        def one(i, total):
            key = jax.random.key(i)
            replay = Replay(program.buffer, buffer, program.environment)
            index = program.buffer.sample(buffer, key, program.batch_size)
            batch = learner.relabel(replay, index, key)
            return total + sum(jnp.sum(x) for x in batch)

        return jax.lax.fori_loop(0, updates, one, jnp.zeros(()))

    jax.block_until_ready(draw(state.buffer))
    seconds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        jax.block_until_ready(draw(state.buffer))
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
