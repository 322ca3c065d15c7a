"""What one accelerator does: environments, updates and whole iterations.

    python benchmarks/gpu.py                                  # all of it, about half an hour
    python benchmarks/gpu.py --parts updates --depths 4 1024 --batches 512
    python benchmarks/gpu.py --parts updates --xla-flags= \
        --xla-flags=--xla_gpu_enable_command_buffer=

Each row is measured in a process of its own: memory is given back, and one that fails costs its row
alone. Times are medians of calls after a first one. "Rate" is the share of the card's own matrix
rate, measured in the same process with one large product of the same type, that the arithmetic of
an update reaches; what the backward pass computes again is not counted. Memory is the allocator's
peak. It runs on a CPU too, with small numbers: --depths 4 --batches 64 --envs 64.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from environments import compiled, make, median_seconds, step

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "experiments" / "ant_maze_1024.gin"
ROBOTS = ("PointMaze", "Reacher", "HalfCheetah", "Pusher", "Ant", "AntPush", "ArmPush", "Humanoid")
# Hours of the paper for 100 million steps with networks of depth 4 and 64 (its Table 3).
PAPER = {
    ("Humanoid", 4): 1.48,
    ("Humanoid", 64): 10.99,
    ("AntMaze", 4): 2.12,
    ("AntMaze", 64): 11.66,
}
ROUNDS, UPDATES_PER_CALL, MATRIX = 5, 20, 8192
HEADS = {
    "environments": "| robot | envs | steps/s | MJX-JAX physics | MuJoCo-Warp physics | MiB |",
    "updates": "| depth | batch | type | flags | updates/s | rate | compile s | MiB |",
    "loops": "| task | depth | steps/s | hours for 100M | paper's | updates/s | compile s | MiB |",
}


def main() -> None:
    """Measure, and print tables."""
    arguments = _arguments()
    if arguments.child:
        print(json.dumps(MEASURES[arguments.child](json.loads(arguments.row))))
        return
    rows = {
        "environments": [{"task": t, "envs": n} for t in arguments.robots for n in arguments.envs],
        "updates": [
            {"depth": d, "batch": b, "dtype": t, "flags": f}
            for d in arguments.depths
            for b in arguments.batches
            for t in arguments.dtypes
            for f in arguments.xla_flags or [""]
        ],
        "loops": [{"task": task, "depth": depth} for task, depth in PAPER],
    }
    for part in arguments.parts:
        columns = HEADS[part].count("|") - 1
        print(f"\n{HEADS[part]}\n{'| --- ' * columns}|")
        for row in rows[part]:
            print(_measured(part, row, arguments.limit), flush=True)


def _measured(part: str, row: dict, limit: float) -> str:
    """A line of a table; the last line of what went wrong where something did."""
    command = [sys.executable, __file__, "--child", part, "--row", json.dumps(row)]
    flags = f"{os.environ.get('XLA_FLAGS', '')} {row.get('flags', '')}".strip()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if flags:
        environment["XLA_FLAGS"] = flags
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=limit, check=False
        )
        said = done.stdout.splitlines() if done.returncode == 0 else []
        cells = json.loads(said[-1]) if said else [done.stderr.strip().splitlines()[-1][:90]]
    except subprocess.TimeoutExpired:
        cells = [f"not within {limit:.0f} s"]
    return f"| {' | '.join([*map(str, row.values()), *cells])} |"


def environments(row: dict) -> list[str]:
    """Steps per second of a robot's task, and of its physics alone in either form of MJX."""
    envs, env = row["envs"], make(row["task"], [])
    steps = max(8192 // envs, 8)
    speed = envs * steps / median_seconds(compiled(env, envs, steps, step))
    physics = [_physics(env, envs, steps, form) for form in ("jax", "warp")]
    return [f"{speed:,.0f}", *physics, _peak()]


def _physics(env, envs: int, steps: int, form: str) -> str:
    """Control steps per second of the bare model, without resets, observations and goals."""
    import jax
    from mujoco import mjx

    try:
        model = mjx.put_model(env.task.scene, impl=form)
        data = mjx.make_data(env.task.scene, impl=form)
        substeps = env.task.physics.substeps

        @jax.jit
        def rollout(datas):
            def one(datas, _):
                return jax.vmap(mjx.step, (None, 0))(model, datas), None

            return jax.lax.scan(one, datas, None, steps * substeps)[0]

        datas = jax.vmap(lambda _: data)(jax.numpy.arange(envs))
        seconds = _median(lambda: jax.block_until_ready(rollout(datas)))
    except Exception as error:
        return f"{type(error).__name__}"
    return f"{envs * steps / seconds:,.0f}"


def updates(row: dict) -> list[str]:
    """Updates per second of a learner at the paper's width, on made-up batches."""
    import equinox as eqx
    import jax

    depth, batch, dtype = row["depth"], row["batch"], row["dtype"]
    actor = min(depth, 512)  # as the paper's deepest run
    experiment = _experiment(
        [
            *(f"CRITIC_DEPTH={depth}", f"ACTOR_DEPTH={actor}", f"BATCH_SIZE={batch}"),
            f"network.ResidualMLP.compute_dtype='{dtype}'",
        ]
    )
    (learner,) = experiment.learners.values()
    sizes = experiment.environment.dims
    arrays, static = eqx.partition(learner.init(sizes, jax.random.key(0)), eqx.is_array)
    data = _batch(sizes, batch)

    def one(index, arrays):
        state = eqx.combine(arrays, static)
        return eqx.filter(learner.update(state, data, jax.random.key(index))[0], eqx.is_array)

    several = jax.jit(
        lambda arrays: jax.lax.fori_loop(0, UPDATES_PER_CALL, one, arrays), donate_argnums=0
    )
    begun = time.perf_counter()
    several = several.lower(arrays).compile()
    compiling = time.perf_counter() - begun
    latest = [arrays]

    def call() -> None:
        latest[0] = jax.block_until_ready(several(latest[0]))

    seconds = _median(call) / UPDATES_PER_CALL
    rate = operations(arrays.networks, batch) / seconds / _matrix_rate(dtype)
    return [f"{1 / seconds:.1f}", f"{rate:.1%}", f"{compiling:.0f}", _peak()]


def operations(networks, batch: int) -> float:
    """Floating-point operations of one contrastive update: 2 per weight and example.

    Critic: forward and backward (three times forward) of both encoders, and of the pairwise
    distances. Actor: forward and backward; forward of both encoders, backward to the action.
    """
    import jax

    def weights(network) -> int:
        return sum(x.size for x in jax.tree.leaves(network) if x.ndim > 1)

    critic = networks.critic
    state_action, goal = weights(critic.state_action_encoder), weights(critic.goal_encoder)
    per_example = 3 * (state_action + goal) + 3 * weights(networks.actor) + 2 * state_action + goal
    pairs = 3 * batch * critic.goal_encoder.output.weight.shape[-1]
    return 2.0 * batch * (per_example + pairs)


def loops(row: dict) -> list[str]:
    """Environment steps per second of whole iterations at the paper's settings."""
    import jax

    from dsl.loop import execution

    task, depth = row["task"], row["depth"]
    where = [f"Experiment.{role}=@env.Humanoid()" for role in ("environment", "eval_environment")]
    experiment = _experiment(
        [f"CRITIC_DEPTH={depth}", f"ACTOR_DEPTH={depth}", *(where if task == "Humanoid" else ())]
    )
    program = execution.assign_devices(experiment.program())
    state = execution.init_on_devices(program, 0)
    begun = time.perf_counter()
    loop = execution.compile_loop(program, state)
    compiling = time.perf_counter() - begun
    latest = [loop.run_iterations(state, experiment.schedule().prefill_iterations, 0)]
    count = experiment.updates_per_iteration

    def call() -> None:
        latest[0] = jax.block_until_ready(loop.run_iterations(latest[0], 1, count))

    seconds = _median(call)
    speed = program.num_envs * program.unroll_length / seconds
    hours = f"{1e8 / speed / 3600:.2f}"
    cells = [f"{speed:,.0f}", hours, str(PAPER[task, depth]), f"{count / seconds:.1f}"]
    return [*cells, f"{compiling:.0f}", _peak()]


MEASURES = {"environments": environments, "updates": updates, "loops": loops}


def _experiment(settings: list[str]):
    from dsl.language.configuration import load
    from dsl.training.build import build

    return build(load(FILE, settings))


def _batch(sizes, batch: int):
    import jax

    from dsl.training.memory import batch_shape

    shapes = batch_shape(sizes, batch)
    keys = jax.random.split(jax.random.key(1), len(shapes))
    draws = [jax.random.uniform(k, of.shape) for k, of in zip(keys, shapes, strict=True)]
    return type(shapes)(*draws)


def _matrix_rate(dtype: str) -> float:
    """Operations per second of one large matrix product."""
    import jax

    size = MATRIX if jax.default_backend() != "cpu" else MATRIX // 8
    matrix = jax.random.normal(jax.random.key(0), (size, size), dtype)
    product = jax.jit(lambda a: a @ a)
    return 2 * size**3 / _median(lambda: jax.block_until_ready(product(matrix)))


def _median(call) -> float:
    """Seconds of a call, after a first one."""
    call()
    seconds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def _peak() -> str:
    """MiB that the allocator had given out at most; nothing where it does not say."""
    import jax

    statistics_of = jax.devices()[0].memory_stats() or {}
    peak = statistics_of.get("peak_bytes_in_use")
    return "" if peak is None else f"{peak / 2**20:,.0f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=HEADS, default=list(HEADS))
    parser.add_argument("--robots", nargs="+", default=ROBOTS)
    parser.add_argument("--envs", type=int, nargs="+", default=[512, 4096])
    parser.add_argument("--depths", type=int, nargs="+", default=[4, 16, 64, 256, 1024])
    parser.add_argument("--batches", type=int, nargs="+", default=[512, 2048])
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--xla-flags", action="append", help="a row for each; the default alone")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds of a row (300)")
    parser.add_argument("--child", choices=HEADS, help=argparse.SUPPRESS)
    parser.add_argument("--row", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
