"""Parts of a small run compiled for described cards; prints what came out as JSON.

JAX_PLATFORMS=cpu python tests/on_card.py
"""

import json

import optax
from ball_task import ball_task
from contrastive import contrastive
from probes import Line

from components.environments.core.goal_environment import GoalEnvironment
from components.losses.actor import LogLikelihood
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


def main():
    print(
        json.dumps(
            {
                "shallow": update_on("h100", 4),
                "deep": update_on("h100", 64),
                "plain": update_on("a100", 8, kernel="xla"),
                "eight": update_on("8xh100", 8, kernel="fused"),
                "robot": collection_on("h100"),
            }
        )
    )


if __name__ == "__main__":
    main()
