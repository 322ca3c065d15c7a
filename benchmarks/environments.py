"""Environment steps per second of every task, beside the same model in C MuJoCo on all cores.

    python benchmarks/environments.py                    # every task; about half an hour
    python benchmarks/environments.py Ant ArmPush --envs 256

Random actions, fresh starts and goals at every reset. MJX on one device, on one device pinned to
one core, and with the environments split over as many CPU devices as there are cores; C MuJoCo by
`mujoco.rollout` with a thread per core, which has no resets, observations or goals. The column
"reset" gives what drawing fresh starts costs: seconds of resetting every environment, which the
loop does after every step, over seconds of the whole step.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

ROUNDS = 5
# Steps per timed call, so that a call takes a good part of a second.
ENV_STEPS_PER_CALL = 8192


def main() -> None:
    arguments = _arguments()
    if arguments.child:
        print(json.dumps(measure(arguments)))
        return
    print("| task | envs | MJX | pinned to one core | one device per core | reset | C MuJoCo |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for task in arguments.tasks or _all_tasks():
        for envs in arguments.envs:
            print(_row(task, envs, arguments.settings), flush=True)


def _row(task: str, envs: int, settings: list[str]) -> str:
    cores = os.cpu_count() or 1
    free = _child(task, envs, settings)
    pinned = _child(task, envs, settings, prefix=["taskset", "-c", "0"])
    split = _child(task, envs, settings, devices=cores)
    speeds = [f"{side['mjx']:,.0f}" for side in (free, pinned, split)]
    cells = [task, str(envs), *speeds, f"{pinned['reset']:.1%}", f"{free['c']:,.0f}"]
    return f"| {' | '.join(cells)} |"


def _child(task, envs, settings, prefix=(), devices=1) -> dict[str, float]:
    """Measure in a process of its own: the number of devices is fixed once JAX has started."""
    flags = f"--xla_force_host_platform_device_count={devices}"
    command = [*prefix, sys.executable, __file__, task, "--child", "--envs", str(envs)]
    command += [f"--settings={s}" for s in settings]
    done = subprocess.run(
        command, env={**os.environ, "XLA_FLAGS": flags}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def measure(arguments) -> dict[str, float]:
    """Environment steps per second on this process's devices, and in C."""
    import jax

    env = make(arguments.tasks[0], arguments.settings)
    (envs,) = arguments.envs
    steps = max(ENV_STEPS_PER_CALL // envs, 4)
    whole = _mjx_seconds(env, envs, steps, _step)
    results = {"mjx": envs * steps / whole}
    cores = len(os.sched_getaffinity(0))
    if cores == 1:
        results["reset"] = _mjx_seconds(env, envs, steps, _reset) / whole
    elif len(jax.devices()) == 1:
        results["c"] = envs * steps / _c_seconds(env, envs, steps)
    return results


def _step(env, state, timestep, action):
    """What the training loop does."""
    from components.environments.auto_reset import step_or_reset

    return step_or_reset(env, state, timestep, action, state.key)


def _reset(env, state, _timestep, _action):
    """The part of it that draws a fresh episode."""
    return env.reset(state.key)


def make(word: str, settings: list[str]):
    """The task of that name, with settings such as layout='u_maze'."""
    import ast

    import dsl.vocabulary  # noqa: F401 - registers the words
    from dsl.registry import vocabulary

    pairs = (setting.split("=", 1) for setting in settings)
    chosen = {name: ast.literal_eval(value) for name, value in pairs}
    return vocabulary().words[f"env.{word}"].thing(**chosen)


def _mjx_seconds(env, envs: int, steps: int, advance) -> float:
    import jax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    mesh = Mesh(jax.devices(), ("envs",))
    split = NamedSharding(mesh, PartitionSpec("envs"))

    def step(carry, key):
        actions = jax.random.uniform(key, (envs, env.sizes.action), minval=-1.0)
        actions = jax.lax.with_sharding_constraint(actions, split)
        return jax.vmap(lambda *one: advance(env, *one))(*carry, actions), None

    @jax.jit
    def rollout(carry, key):
        return jax.lax.scan(step, carry, jax.random.split(key, steps))[0]

    keys = jax.device_put(jax.random.split(jax.random.key(0), envs), split)
    carry = jax.jit(jax.vmap(env.reset))(keys)
    seconds = []
    for i in range(ROUNDS + 1):
        begun = time.perf_counter()
        carry = jax.block_until_ready(rollout(carry, jax.random.key(i)))
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds[1:])


def _c_seconds(env, envs: int, steps: int) -> float:
    import mujoco
    import numpy as np
    from mujoco import rollout

    model, substeps = env.task.scene, env.task.physics.substeps
    datas = [mujoco.MjData(model) for _ in range(os.cpu_count() or 1)]
    mujoco.mj_forward(model, datas[0])
    kind = mujoco.mjtState.mjSTATE_FULLPHYSICS
    state = np.zeros(mujoco.mj_stateSize(model, kind))
    mujoco.mj_getState(model, datas[0], state, kind)
    low, high = model.actuator_ctrlrange.T
    rng = np.random.default_rng(0)
    control = rng.uniform(low, high, (envs, steps, model.nu)).repeat(substeps, axis=1)
    seconds = []
    with rollout.Rollout(nthread=len(datas)) as pool:
        for _ in range(ROUNDS + 1):
            begun = time.perf_counter()
            pool.rollout(model, datas, np.tile(state, (envs, 1)), control)
            seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds[1:])


def _all_tasks() -> list[str]:
    import dsl.vocabulary  # noqa: F401 - registers the words
    from dsl.registry import vocabulary

    return [name.removeprefix("env.") for name in vocabulary().members("env")]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tasks", nargs="*", help="words of the family env; all where left out")
    parser.add_argument("--envs", type=int, nargs="+", default=[64, 256, 1024])
    parser.add_argument("--settings", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
