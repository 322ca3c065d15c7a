"""Parts of a small run compiled for described cards; prints what came out as JSON.

JAX_PLATFORMS=cpu python tests/on_card.py
"""

import json
import re
import subprocess
import sysconfig
import tempfile
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from ball_task import ball_task
from contrastive import contrastive
from probes import Line

from components.environments.core.goal_environment import GoalEnvironment
from components.losses.actor import LogLikelihood
from components.networks import ResidualMLP
from components.replay.trajectory_buffer import TrajectoryBuffer
from components.target_devices import tracing_for
from dsl.experiment import Experiment
from dsl.loop.execution import assign_devices
from dsl.training.card.cards import parse_cards
from dsl.training.card.collectives import read_collectives
from dsl.training.card.compilation import compile_for_card
from dsl.training.card.described_devices import describe_devices
from dsl.training.card.parts import COLLECTION, UPDATE, trace_part
from dsl.training.card.thunks import count_launches

WIDTH, BATCH = 64, 32


def part_on(cards, depth, environment, part, **settings):
    """Kernels, graphs, loops and collectives of a part of a run."""
    count, card = parse_cards(cards)
    experiment = Experiment(
        environment=environment,
        learner=contrastive(WIDTH, depth, LogLikelihood(), optax.adam(1e-3), **settings),
        buffer=TrajectoryBuffer(100),
        num_envs=16,
        batch_size=BATCH,
        unroll_length=3,
        eval_episodes=16,
    )
    with tracing_for(describe_devices(card, count)):
        program = assign_devices(experiment.program())
        found = compile_for_card(trace_part(program, part))
    return {
        "devices": program.devices,
        "memory": found.memory,
        "collectives": [(of.kind, of.arrays) for of in read_collectives(found.text)],
        **count_launches(found.launches)._asdict(),
    }


def update_on(cards, depth, **settings):
    """The same of one update."""
    return part_on(cards, depth, Line(), UPDATE, **settings)


def collection_on(cards):
    """The same of three control steps of a robot in contact."""
    return part_on(cards, 4, GoalEnvironment(ball_task()), COLLECTION)


def kernels_in(precision):
    """Matrix instructions and spilt bytes of the kernels of a network at the paper's width."""
    _, card = parse_cards("h100")
    (device,) = describe_devices(card, 1)
    place = jax.sharding.SingleDeviceSharding(device)
    on_device = lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=place)  # noqa: E731
    with tracing_for([device]), jax.default_matmul_precision(precision):
        build = lambda key: ResidualMLP(256, 4, in_size=37, out_size=64, key=key)  # noqa: E731
        network = jax.tree.map(on_device, eqx.filter_eval_shape(build, jax.random.key(0)))
        x = on_device(jax.ShapeDtypeStruct((64, 37), jnp.float32))
        gradient = jax.jit(jax.grad(lambda n, x: jnp.sum(jax.vmap(n)(x))))
        lowered = gradient.trace(network, x).lower(lowering_platforms=("cuda",))
    with tempfile.TemporaryDirectory() as folder:
        lowered.compile(compiler_options={"xla_dump_to": folder})
        texts = [p for p in Path(folder).glob("*.ptx") if ".entry stack_" in p.read_text()]
        products = sum(p.read_text().count("mma.sync") for p in texts)
        said = "".join(assembled(p) for p in texts)
    spilt = [int(count) for count in re.findall(r"(\d+) bytes spill", said)]
    return {"products": products, "spilt": spilt}


def assembled(path):
    """Return what NVIDIA's assembler reports on the kernels of a file."""
    (assembler, *_) = Path(sysconfig.get_paths()["purelib"]).glob("nvidia/*/bin/ptxas")
    command = [assembler, "-v", "-arch=sm_90a", path, "-o", "/dev/null"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


def main():
    print(
        json.dumps(
            {
                "shallow": update_on("h100", 4),
                "deep": update_on("h100", 64),
                "plain": update_on("a100", 8, kernel="xla"),
                "eight": update_on("8xh100", 8, kernel="fused"),
                "robot": collection_on("h100"),
                "one pass": kernels_in("tensorfloat32"),
                "three passes": kernels_in("high"),
            }
        )
    )


if __name__ == "__main__":
    main()
