"""The compiled loop on the devices that there are.

Accelerators run one program together. The cores of a CPU do so for environments alone: their
physics gains from a device per core, while updates are faster on one device, whose matrix products
use every core already (`benchmarks/devices.md`).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp

from components.protocols import Metrics
from components.replay.trajectory_buffer import Step
from dsl.loop import training_loop
from dsl.loop.evaluation import Rollout
from dsl.loop.finite_check import Finite
from dsl.loop.program import EpochState, Learners, Program, TrainState
from dsl.loop.sharding import SPLIT, WHOLE, most, of_progress, spread


class Execution(Protocol):
    """A loop that is compiled ahead of time, so that no epoch's time includes a compilation."""

    def advance(self, progress: EpochState, iterations: int, updates: int) -> EpochState:
        """As `training_loop.advance`; the progress is used up."""
        ...

    def finish(
        self, progress: EpochState, count: int
    ) -> tuple[EpochState, Metrics, Finite, Rollout]:
        """As `training_loop.finish`; the progress is used up."""
        ...


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


def begin(program: Program, seed: int) -> EpochState:
    """A run before its first step, on its devices."""
    number = jnp.asarray(seed, jnp.uint32)
    if not _on_cores():
        return eqx.filter_jit(training_loop.begin)(program, number)
    return placed(program, eqx.filter_jit(training_loop.begin)(replace(program, devices=1), number))


def placed(program: Program, progress: EpochState) -> EpochState:
    """A run under way, from the host or one device to where it belongs."""
    if program.devices == 1:
        return jax.tree.map(jnp.asarray, progress)
    if not _on_cores():
        return jax.device_put(progress, spread(program, of_progress(progress)))
    lanes = jax.device_put(progress.state.lanes, spread(program, SPLIT))
    return _with_lanes(jax.tree.map(jnp.asarray, _without_lanes(progress)), lanes)


def execution(program: Program, progress: EpochState) -> Execution:
    """Compile the loop.

    Args:
        program: from `on_devices`.
        progress: where it starts, from `begin` or `placed`.
    """
    if _on_cores() and program.devices > 1:
        return SplitCpuExecution(program, progress)
    return FusedExecution(program, progress)


class FusedExecution:
    """Everything on all devices.

    Args:
        program: what runs.
        progress: where it starts.
        over: makes of a function of the loop one that does more, as `seeds.over_seeds` does.
    """

    def __init__(
        self,
        program: Program,
        progress: EpochState,
        over: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda function: function,
    ):
        self._program = program
        self._advance, self._finish = _compiled(
            _lowered(over(training_loop.advance), (program, *_as_arrays(1, 1)), progress),
            _lowered(over(training_loop.finish), (program, *_as_arrays(1)), progress),
        )

    def advance(self, progress: EpochState, iterations: int, updates: int) -> EpochState:
        return self._advance((self._program, *_as_arrays(iterations, updates)), progress)

    def finish(
        self, progress: EpochState, count: int
    ) -> tuple[EpochState, Metrics, Finite, Rollout]:
        return self._finish((self._program, *_as_arrays(count)), progress)


class SplitCpuExecution:
    """Environments split over the cores, updates on the first device."""

    def __init__(self, program: Program, progress: EpochState):
        self._one, self._many = replace(program, devices=1), program
        rest, players = _without_lanes(progress), self._players(progress.state)
        block, count = _block(progress, program.unroll_length), jnp.zeros((), jnp.int32)
        self._collect, self._score, self._learn, self._close = _compiled(
            _lowered(training_loop.collect, (program,), players, used_up=False),
            _lowered(training_loop.score, (program,), players, used_up=False),
            _lowered(training_loop.learn, (self._one, block, count), rest),
            _lowered(training_loop.close, (self._one, count), rest),
        )

    def advance(self, progress: EpochState, iterations: int, updates: int) -> EpochState:
        rest, lanes = _without_lanes(progress), progress.state.lanes
        for _ in range(iterations):
            players = self._players(_with_lanes(rest, lanes).state)
            lanes, block, broken = self._collect((self._many,), players)
            block, broken = jax.device_put((block, broken), jax.devices()[0])
            rest = replace(rest, broken=rest.broken + broken)
            rest = self._learn((self._one, block, *_as_arrays(updates)), rest)
        return _with_lanes(rest, lanes)

    def finish(
        self, progress: EpochState, count: int
    ) -> tuple[EpochState, Metrics, Finite, Rollout]:
        evaluation, rollout = self._score((self._many,), self._players(progress.state))
        rest, train, finite = self._close((self._one, *_as_arrays(count)), _without_lanes(progress))
        return _with_lanes(rest, progress.state.lanes), {**train, **evaluation}, finite, rollout

    def _players(self, state: TrainState) -> TrainState:
        """What collecting and scoring need, on every core."""
        shared = replace(state, learners=_acting(state.learners), lanes=None, buffer=None)
        return replace(jax.device_put(shared, spread(self._many, WHOLE)), lanes=state.lanes)


def _lowered(
    function: Callable[..., Any], fixed: tuple, state: Any, *, used_up: bool = True
) -> Any:
    """A function of (program, *others) and a state, whose memory it uses again if it is used up."""
    donated = "all-except-first" if used_up else "none"
    return eqx.filter_jit(_state_last(function), donate=donated).lower(fixed, state)


def _compiled(*lowered: Any) -> list[Any]:
    """Traced one after the other, compiled side by side."""
    with ThreadPoolExecutor(len(lowered)) as pool:
        return list(pool.map(lambda program: program.compile(), lowered))


def _state_last(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function(program, state, *others)` as one of `(program, *others)` and the state."""
    return lambda fixed, state: function(fixed[0], state, *fixed[1:])


def _block(progress: EpochState, steps: int) -> Step:
    """Rows of the shapes that an unroll leaves, without tracing one."""

    def zeros(ring: jax.Array) -> jax.Array:
        # The buffer may keep fewer bits.
        floating = jnp.issubdtype(ring.dtype, jnp.floating)
        return jnp.zeros((steps, *ring.shape[1:]), jnp.float32 if floating else ring.dtype)

    return jax.tree.map(zeros, progress.state.buffer.rows)


def _acting(learners: Learners) -> Learners:
    """The learners' networks, without what only training needs."""
    for_training = lambda s: (s.optimisers, s.targets, s.updates)  # noqa: E731
    return {
        name: eqx.tree_at(for_training, learner, (None,) * 3, is_leaf=lambda x: x is None)
        for name, learner in learners.items()
    }


def _without_lanes(progress: EpochState) -> EpochState:
    return _with_lanes(progress, None)


def _with_lanes(progress: EpochState, lanes: Any) -> EpochState:
    return replace(progress, state=replace(progress.state, lanes=lanes))


def _as_arrays(*numbers: int) -> tuple[jax.Array, ...]:
    return tuple(jnp.asarray(number, jnp.int32) for number in numbers)


def _on_cores() -> bool:
    return jax.default_backend() == "cpu"
