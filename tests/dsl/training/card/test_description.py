"""What `--check --card` tells of programs that a stand-in for the compiler has made."""

from dataclasses import replace

import jax
import optax
import pytest
from contrastive import contrastive
from probes import Line

from components.losses.actor import LogLikelihood
from components.replay.trajectory_buffer import TrajectoryBuffer
from components.target_devices import target_devices
from dsl.experiment import Experiment
from dsl.training.card import description
from dsl.training.card.cards import CARDS
from dsl.training.card.compilation import CardProgram
from dsl.training.card.thunks import Launch

EXPERIMENT = Experiment(
    environment=Line(),
    learner=contrastive(8, 4, LogLikelihood(), optax.adam(1e-3)),
    buffer=TrajectoryBuffer(100),
    num_envs=16,
    batch_size=32,
    unroll_length=3,
    eval_episodes=16,
    updates_per_iteration=100,
)
# Three kernels, two of them in a graph and one in a loop of unknown length.
LAUNCHES = [
    Launch("kCommandBuffer", "", 1, False),
    Launch("kCustomKernel", "a", 2, True),
    Launch("kWhile", "", 1, False),
    Launch("kCustomKernel", "b", 1, False),
]
OPERATIONS = {"tf32": 8 * 495 * 10**6}
REDUCED = """\
ENTRY %main (x: f32[]) -> f32[] {
  %all-reduce.5 = f32[1000]{0} all-reduce(%joined), channel_id=19, to_apply=%add.1
}
"""


@pytest.fixture
def described(monkeypatch):
    """Return a function that describes the experiment on some cards, line by line."""
    program = CardProgram(7.4, REDUCED, LAUNCHES, OPERATIONS, 3 * 2**30, 2**20)
    monkeypatch.setattr(description, "trace_part", lambda _, part: part)
    monkeypatch.setattr(description, "compile_for_card", lambda _: program)
    # A batch can be split over the cores of no CPU.
    monkeypatch.setattr(description, "assign_devices", assigned)

    def describe(card, count):
        found = jax.devices()[:1] * count
        text = description.describe_on_card(EXPERIMENT, CARDS[card], found)
        return [" ".join(line.split()) for line in text.splitlines()]

    return describe


def assigned(program):
    """Give a program all of the target devices."""
    return replace(program, devices=len(target_devices()))


def test_one_card(described):
    rows = described("a100", 1)
    assert rows[0].startswith("On one NVIDIA A100")
    assert "update 7 s 3 2 1 1, 1 of unknown length 3.0 GiB" in rows
    assert "memory asked for 3.0 GiB of 79.2 GiB" in rows
    # 3.96 GFLOP at 156 TFLOP/s take 25 us, three kernels 3 us.
    assert "time of an update 0.025 ms, from matrix products" in rows
    assert "updates per second 39,394 at most" in rows
    assert "Between cards" not in rows


def test_eight_cards_share_products_and_add_gradients(described):
    rows = described("h100", 8)
    assert rows[0].startswith("On 8 of 8 NVIDIA H100")
    assert "time of an update 0.003 ms, from starting kernels" in rows
    assert "an update all-reduce 1 4,000 f32[1000]" in rows
    assert "an iteration of 100 updates all 100 400,000" in rows
