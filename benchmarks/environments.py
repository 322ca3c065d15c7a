"""Environment steps per second of every task in MJX and in C, beside bare MuJoCo on all cores.

    python benchmarks/environments.py                    # every task; about half an hour
    python benchmarks/environments.py Ant ArmPush --envs 256

Random actions, fresh starts and goals at every reset. MJX on one device, and with the environments
split over as many CPU devices as there are cores; C from one device on every core: as training has
them. Bare MuJoCo is `mujoco.rollout` of the model that C steps, from such starts and with a thread
per core; it has no resets, observations or goals. The ratio of the two is from rollouts that
alternate. The column "reset" gives what drawing fresh starts costs MJX: seconds of resetting every
environment, which the loop does after every step, over seconds of the whole step.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

ROUNDS = 3
# Steps per timed call, so that a call takes a good part of a second.
ENV_STEPS_PER_CALL = 8192


def main() -> None:
    arguments = _arguments()
    if arguments.child:
        print(json.dumps(measure_speeds(arguments)))
        return
    columns = ("MJX, a device per core", "MJX, one device", "reset", "C", "bare MuJoCo", "C / bare")
    print(f"| task | envs | {' | '.join(columns)} |")
    print(f"| --- | ---: {'| ---: ' * len(columns)}|")
    for task in arguments.tasks or _all_tasks():
        for envs in arguments.envs:
            print(_row(task, envs, arguments.settings), flush=True)


def _row(task: str, envs: int, settings: list[str]) -> str:
    places = [("MJX", os.cpu_count() or 1), ("MJX", 1), ("C", 1)]
    split, one, c = _children(task, envs, settings, places)
    speeds = [f"{side['steps']:,.0f}" for side in (split, one)]
    cells = [task, str(envs), *speeds, f"{split.get('reset', 0):.1%}"]
    cells += [f"{c['steps']:,.0f}", f"{c['bare']:,.0f}", f"{c['steps'] / c['bare']:.2f}"]
    return f"| {' | '.join(cells)} |"


def _children(task, envs, settings, places: list[tuple[str, int]]) -> list[dict[str, float]]:
    """Measure engines on devices, each in a process: their number is fixed once JAX has started.

    They compile side by side and measure one after the other.
    """
    command = [sys.executable, __file__, task, "--child", "--envs", str(envs)]
    command += [f"--settings={s}" for s in settings]
    children = [
        subprocess.Popen(
            [*command, f"--engine={engine}"],
            env={**os.environ, "XLA_FLAGS": f"--xla_force_host_platform_device_count={count}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for engine, count in places
    ]
    for child in children:
        child.stdout.readline()
    results = []
    for child in children:
        said, _ = child.communicate("go\n")
        if child.returncode != 0:
            sys.exit(child.returncode)
        results.append(json.loads(said.splitlines()[-1]))
    return results


def measure_speeds(arguments) -> dict[str, float]:
    """Return steps per second on this process's devices, of bare MuJoCo, and the cost of resets."""
    import jax

    env = make_task(arguments.tasks[0], arguments.settings, arguments.engine)
    (envs,) = arguments.envs
    steps = max(ENV_STEPS_PER_CALL // envs, 4)
    runs = {"steps": compile_rollout(env, envs, steps, training_step)}
    if arguments.engine == "C":
        runs["bare"] = _bare_rollout(env, envs, steps)
    elif len(jax.devices()) > 1:
        runs["reset"] = compile_rollout(env, envs, steps, _reset)
    print("ready", flush=True)
    sys.stdin.readline()
    seconds = median_seconds(runs)
    if "reset" in seconds:
        return {
            "steps": envs * steps / seconds["steps"],
            "reset": seconds["reset"] / seconds["steps"],
        }
    return {name: envs * steps / taken for name, taken in seconds.items()}


def training_step(env, state, timestep, action):
    """Step as the training loop does."""
    from components.environments.core.auto_reset import step_or_reset

    return step_or_reset(env, state, timestep, action, state.key)


def _reset(env, state, _timestep, _action):
    """Reset alone, which is a part of every step."""
    return env.reset(state.key)


def make_task(word: str, settings: list[str], engine: str = "MJX"):
    """Make the task of that name, with settings such as layout='u_maze', in an engine."""
    import ast

    from dsl.language.registry import default_vocabulary

    words = default_vocabulary().words
    pairs = (setting.split("=", 1) for setting in settings)
    chosen = {name: ast.literal_eval(value) for name, value in pairs}
    return words[f"env.{word}"].target(**chosen, physics=words[f"physics.{engine}"].target())


def compile_rollout(env, envs: int, steps: int, advance):
    """Compile a rollout of all environments, run it once, and return it as a function of a seed."""
    import jax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    mesh, of_device = Mesh(jax.devices(), ("envs",)), PartitionSpec("envs")
    split = NamedSharding(mesh, of_device)

    def steps_of_all(carry, key):
        actions = jax.random.uniform(key, (envs // mesh.size, env.dims.action), minval=-1.0)
        return jax.vmap(lambda *one: advance(env, *one))(*carry, actions), None

    def rollout_of_device(carry, key):
        key = jax.random.fold_in(key, jax.lax.axis_index("envs"))
        return jax.lax.scan(steps_of_all, carry, jax.random.split(key, steps))[0]

    rollout = jax.jit(
        jax.shard_map(
            rollout_of_device,
            mesh=mesh,
            in_specs=(of_device, PartitionSpec()),
            out_specs=of_device,
            check_vma=False,
        )
    )
    keys = jax.device_put(jax.random.split(jax.random.key(0), envs), split)
    latest = [jax.jit(jax.vmap(env.reset))(keys)]

    def run(number: int) -> None:
        latest[0] = jax.block_until_ready(rollout(latest[0], jax.random.key(number)))

    run(0)
    return run


def median_seconds(runs: dict) -> dict[str, float]:
    """Return the median seconds of each of several functions of a seed, called in turns."""
    seconds = {name: [] for name in runs}
    for i in range(1, ROUNDS + 1):
        for name, run in runs.items():
            begun = time.perf_counter()
            run(i)
            seconds[name].append(time.perf_counter() - begun)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def _bare_rollout(env, envs: int, steps: int):
    """Return a rollout of MuJoCo alone, run once, as a function of a seed."""
    import jax
    import mujoco
    import numpy as np
    from mujoco import rollout

    from components.environments.core.physics.c import converging

    model, substeps = converging(env.task.physics.whole), env.task.physics.substeps
    pool = rollout.Rollout(nthread=os.cpu_count() or 1)
    datas = [mujoco.MjData(model) for _ in range(os.cpu_count() or 1)]
    keys = jax.random.split(jax.random.key(0), envs)
    start = jax.jit(jax.vmap(env.reset))(keys)[0].physics_state
    state = np.zeros((envs, mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS)))
    state[:, 1 : 1 + model.nq] = start.qpos  # after the time
    state[:, 1 + model.nq : 1 + model.nq + model.nv] = start.qvel
    low, high = model.actuator_ctrlrange.T

    def run(number: int) -> None:
        control = np.random.default_rng(number).uniform(low, high, (envs, steps, model.nu))
        pool.rollout(model, datas, state, control.repeat(substeps, axis=1))

    run(0)
    return run


def _all_tasks() -> list[str]:
    from dsl.language.registry import default_vocabulary

    return [name.removeprefix("env.") for name in default_vocabulary().members("env")]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tasks", nargs="*", help="words of the family env; all of them by default")
    parser.add_argument("--envs", type=int, nargs="+", default=[64, 256, 1024])
    parser.add_argument("--settings", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--engine", default="MJX", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
