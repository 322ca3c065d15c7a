"""Environment steps per second of every task, beside the same model in C MuJoCo on all cores.

    python benchmarks/environments.py                    # every task; about half an hour
    python benchmarks/environments.py Ant ArmPush --envs 256

Random actions, fresh starts and goals at every reset. MJX on one device, and with the environments
split over as many CPU devices as there are cores, as training has them; C MuJoCo by
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

ROUNDS = 3
# Steps per timed call, so that a call takes a good part of a second.
ENV_STEPS_PER_CALL = 8192


def main() -> None:
    arguments = _arguments()
    if arguments.child:
        print(json.dumps(measure_speeds(arguments)))
        return
    print("| task | envs | MJX, a device per core | MJX, one device | reset | C MuJoCo |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for task in arguments.tasks or _all_tasks():
        for envs in arguments.envs:
            print(_row(task, envs, arguments.settings), flush=True)


def _row(task: str, envs: int, settings: list[str]) -> str:
    one, split = _children(task, envs, settings, [1, os.cpu_count() or 1])
    speeds = [f"{side['mjx']:,.0f}" for side in (split, one)]
    cells = [task, str(envs), *speeds, f"{split['reset']:.1%}", f"{one['c']:,.0f}"]
    return f"| {' | '.join(cells)} |"


def _children(task, envs, settings, devices: list[int]) -> list[dict[str, float]]:
    """Measure in processes of their own: the number of devices is fixed once JAX has started.

    They compile side by side and measure one after the other.
    """
    command = [sys.executable, __file__, task, "--child", "--envs", str(envs)]
    command += [f"--settings={s}" for s in settings]
    children = [
        subprocess.Popen(
            command,
            env={**os.environ, "XLA_FLAGS": f"--xla_force_host_platform_device_count={count}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for count in devices
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
    """Return steps per second on this process's devices, and those in C or the cost of resets."""
    import jax

    env = make_task(arguments.tasks[0], arguments.settings)
    (envs,) = arguments.envs
    steps = max(ENV_STEPS_PER_CALL // envs, 4)
    several = len(jax.devices()) > 1
    runs = [
        compile_rollout(env, envs, steps, advance)
        for advance in (training_step, _reset)[: 1 + several]
    ]
    print("ready", flush=True)
    sys.stdin.readline()
    whole, *resets = (median_seconds(run) for run in runs)
    results = {"mjx": envs * steps / whole}
    if several:
        return {**results, "reset": resets[0] / whole}
    return {**results, "c": envs * steps / _c_seconds(env, envs, steps)}


def training_step(env, state, timestep, action):
    """Step as the training loop does."""
    from components.environments.core.auto_reset import step_or_reset

    return step_or_reset(env, state, timestep, action, state.key)


def _reset(env, state, _timestep, _action):
    """Reset alone, which is a part of every step."""
    return env.reset(state.key)


def make_task(word: str, settings: list[str]):
    """Make the task of that name, with settings such as layout='u_maze'."""
    import ast

    from dsl.language.registry import default_vocabulary

    pairs = (setting.split("=", 1) for setting in settings)
    chosen = {name: ast.literal_eval(value) for name, value in pairs}
    return default_vocabulary().words[f"env.{word}"].target(**chosen)


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


def median_seconds(run) -> float:
    seconds = []
    for i in range(1, ROUNDS + 1):
        begun = time.perf_counter()
        run(i)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


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
    from dsl.language.registry import default_vocabulary

    return [name.removeprefix("env.") for name in default_vocabulary().members("env")]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tasks", nargs="*", help="words of the family env; all of them by default")
    parser.add_argument("--envs", type=int, nargs="+", default=[64, 256, 1024])
    parser.add_argument("--settings", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
