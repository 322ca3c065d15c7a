"""Environment steps per second of whole training iterations, at the work of the references.

    python benchmarks/iteration.py

Ant, 64 environments, unrolls of 62 steps, networks of depth 4 and width 256, batches of 256; 50
updates per iteration, as in a comparison with scaling-crl, and 250, as with jaxgcrl. On all cores,
as `dsl.run` uses them. The references' numbers were taken on a machine of this kind with the same
settings; they are constants here. Also the share of an iteration that drawing and relabelling its
batches takes, compiled alone. Medians of the rounds.
"""

import argparse
import statistics
import time

SETTINGS = (
    *("NUM_ENVS=64", "BATCH_SIZE=256", "CRITIC_DEPTH=4", "ACTOR_DEPTH=4", "WIDTH=256"),
    *("Experiment.unroll_length=62", "Experiment.prefill_steps=1_000"),
    *("Experiment.eval_episodes=64", "Experiment.eval_environment=@env.Ant()"),
    *("Experiment.environment=@env.Ant()", "env.Ant.episode_length=1_000"),
)
FILE = "experiments/ant_maze_1024.gin"
REFERENCES = {50: ("scaling-crl", 476), 250: ("jaxgcrl", 291)}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    from dsl.training.cpu_devices import use_every_core

    use_every_core()
    experiment = _experiment()
    program, loop, state = _started(experiment)
    print("| updates per iteration | steps/s | reference | ratio | drawing batches |")
    print("| ---: | ---: | --- | ---: | ---: |")
    for updates, (name, reference) in REFERENCES.items():
        seconds, state = _iteration(loop, state, updates, rounds)
        speed = program.num_envs * program.unroll_length / seconds
        drawing = _drawing(program, state, updates, rounds) / seconds
        cells = [str(updates), f"{speed:,.0f}", f"{name}: {reference}", f"{speed / reference:.1f}"]
        print(f"| {' | '.join(cells)} | {drawing:.1%} |", flush=True)


def _experiment():
    from dsl.language.configuration import load
    from dsl.training.build import build

    return build(load(FILE, SETTINGS))


def _started(experiment):
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
