"""The compiled epoch on the devices that there are.

Accelerators run one program together. The cores of a CPU do so for environments alone: their
physics gains from a device per core, while updates are faster on one device, whose matrix products
use every core already (`benchmarks/devices.md`).
"""

from collections.abc import Callable
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from components.buffers import Row
from components.learner import Metrics
from dsl import loop
from dsl.devices import SPLIT, WHOLE, most, spread
from dsl.evaluation import Rollout
from dsl.program import Learners, Program, TrainState

Epoch = Callable[..., tuple[TrainState, Metrics, Rollout]]


def on_devices(program: Program) -> Program:
    """The program on as many of this machine's devices as can have equal shares."""
    counts = [program.num_envs, program.eval_episodes]
    if not _on_cores():
        counts.append(program.batch_size)
    return replace(program, devices=most(len(jax.devices()), *counts))


def shared(program: Program) -> str:
    """On how many devices a program runs, to be said; empty where there is only one."""
    found = len(jax.devices())
    if found == 1:
        return ""
    whole = " (the most that divide its environments, batch and evaluation episodes)"
    return f" for {program.devices} of {found} devices{whole * (program.devices < found)}"


def start(program: Program, seed: int) -> TrainState:
    """The state of a run before its first step, on its devices."""
    key = jnp.asarray(seed, jnp.uint32)
    if not _on_cores():
        return eqx.filter_jit(loop.init)(program, key)
    state = eqx.filter_jit(loop.init)(replace(program, devices=1), key)
    return replace(state, lanes=jax.device_put(state.lanes, spread(program, SPLIT)))


def compile_epoch(program: Program, state: TrainState) -> Epoch:
    """`loop.epoch` compiled ahead of time, so that no epoch's time includes a compilation."""
    if _on_cores() and program.devices > 1:
        return EpochOnCores(program, state)
    epoch = eqx.filter_jit(loop.epoch, donate="all-except-first")
    count = jnp.zeros((), jnp.int32)
    return epoch.lower(program, state, count, count).compile()


class EpochOnCores:
    """`loop.epoch` with environments split over the cores and updates on the first device."""

    def __init__(self, program: Program, state: TrainState):
        """Args:
        program: what runs.
        state: as `start` gives it.
        """
        self._one, self._many = replace(program, devices=1), program
        self._no_metrics = loop.no_metrics(self._one, replace(state, lanes=None))
        players = self._players(state)
        self._collect = eqx.filter_jit(loop.collect).lower(program, players).compile()
        self._score = eqx.filter_jit(loop.score).lower(program, players).compile()
        kept = self._one, _block(program), jnp.zeros((), jnp.int32)
        learn = eqx.filter_jit(_learn, donate="all-except-first")
        self._learn = learn.lower(kept, replace(state, lanes=None), self._no_metrics).compile()

    def __call__(
        self,
        program: Program,
        state: TrainState,
        iterations: Int[Array, ""],
        updates: Int[Array, ""],
    ) -> tuple[TrainState, Metrics, Rollout]:
        """As `loop.epoch`."""
        sums, broken = jax.tree.map(jnp.copy, self._no_metrics), jnp.zeros((), jnp.int32)
        for _ in range(int(iterations)):
            lanes, block, newly_broken = self._collect(program, self._players(state))
            kept = self._one, jax.device_put(block, jax.devices()[0]), updates
            learned, sums = self._learn(kept, replace(state, lanes=None), sums)
            state, broken = replace(learned, lanes=lanes), broken + newly_broken
        evaluation, rollout = self._score(program, self._players(state))
        train = loop.train_metrics(sums, broken, iterations * updates)
        return state, {**train, **evaluation}, rollout

    def _players(self, state: TrainState) -> TrainState:
        """What collecting and scoring need, on every core."""
        shared = replace(state, learners=_acting(state.learners), lanes=None, buffer=None)
        return replace(jax.device_put(shared, spread(self._many, WHOLE)), lanes=state.lanes)


def _block(program: Program) -> Row:
    """Rows of the shapes that an unroll leaves, without tracing one."""
    block = replace(program.buffer, capacity=program.unroll_length, dtype="float32")
    return block.init(program.environment.sizes, program.num_envs).rows


def _learn(
    kept: tuple[Program, Row, Int[Array, ""]], state: TrainState, sums: Metrics
) -> tuple[TrainState, Metrics]:
    """`loop.learn`, with what is not to be written over in front."""
    program, block, updates = kept
    return loop.learn(program, state, block, sums, updates)


def _acting(learners: Learners) -> Learners:
    """The learners' networks, without what only training needs."""
    for_training = lambda s: (s.optimisers, s.targets, s.updates)  # noqa: E731
    return {
        name: eqx.tree_at(for_training, learner, (None,) * 3, is_leaf=lambda x: x is None)
        for name, learner in learners.items()
    }


def _on_cores() -> bool:
    return jax.default_backend() == "cpu"
