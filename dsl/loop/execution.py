"""Compiles the loop for the devices of this machine.

Accelerators run one program together. The cores of a CPU do so for environments alone: their
physics gains from a device per core, while updates are faster on one device, whose matrix products
use every core already (`benchmarks/devices.md`).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp

from components.environments.core.goal_environment import engine_of
from components.protocols import Metrics
from components.replay.trajectory_buffer import Step
from components.target_devices import target_devices, target_platform
from dsl.loop import training_loop
from dsl.loop.compiling import Observer, compile_programs, observe_nothing
from dsl.loop.evaluation_rollout import Rollout
from dsl.loop.finite_check import FiniteFlags
from dsl.loop.program import LearnerStates, Program, TrainState
from dsl.loop.sharding import (
    REPLICATED,
    SHARD_AXIS0,
    shardings,
    train_state_specs,
    usable_devices,
)


class Execution(Protocol):
    """A loop that is compiled ahead of time, so that no epoch's time includes a compilation."""

    def run_iterations(self, state: TrainState, iterations: int, updates: int) -> TrainState:
        """Call `training_loop.run_iterations`; the state's memory is reused."""
        ...

    def end_epoch(
        self, state: TrainState, updates: int
    ) -> tuple[TrainState, Metrics, FiniteFlags, Rollout]:
        """Call `training_loop.end_epoch`; the state's memory is reused."""
        ...


def assign_devices(program: Program) -> Program:
    """Return the program on as many of the target devices as can have equal shares.

    On a CPU, environments that an engine steps on every core at once have one device.
    """
    if _steps_on_every_core(program):
        return replace(program, devices=1)
    counts = [program.num_envs, *(each.episodes or 1 for each in program.evaluations.values())]
    if not _is_cpu():
        # Devices share every micro-batch.
        learners = program.learners.values()
        counts += [program.batch_size // learner.micro_batches() for learner in learners]
    return replace(program, devices=usable_devices(len(target_devices()), *counts))


def describe_devices(program: Program) -> str:
    """Say how many devices a program runs on, as part of a message; empty for a single device."""
    found = len(jax.devices())
    if found == 1 or _steps_on_every_core(program):
        return ""
    reason = " (the most that divide its environments, batch and evaluation episodes)"
    return f" for {program.devices} of {found} devices{reason * (program.devices < found)}"


def init_on_devices(program: Program, seed: int) -> TrainState:
    """Return a run before its first step, on its devices."""
    number = jnp.asarray(seed, jnp.uint32)
    init = eqx.filter_jit(training_loop.init_train_state)
    if not _is_cpu():
        return init(program, number)
    return move_to_devices(program, init(replace(program, devices=1), number))


def move_to_devices(program: Program, state: TrainState) -> TrainState:
    """Move a run from the host or from one device to its devices."""
    if program.devices == 1:
        return jax.tree.map(jnp.asarray, state)
    if not _is_cpu():
        return jax.device_put(state, shardings(program, train_state_specs(state)))
    envs = jax.device_put(state.envs, shardings(program, SHARD_AXIS0))
    rest = jax.tree.map(jnp.asarray, replace(state, envs=None))
    return replace(rest, envs=envs)


def compile_loop(
    program: Program, state: TrainState, observe: Observer = observe_nothing
) -> Execution:
    """Compile the loop.

    Args:
        program: from `assign_devices`.
        state: where it starts, from `init_on_devices` or `move_to_devices`.
        observe: is told what is under way.
    """
    if _is_cpu() and (program.devices > 1 or _steps_on_every_core(program)):
        return SplitCpuExecution(program, state, observe)
    return FusedExecution(program, state, observe=observe)


class FusedExecution:
    """Runs everything as one program on all devices.

    Args:
        program: what runs.
        state: where it starts.
        transform: applied to the functions of the loop, as `multi_seed.vmap_over_seeds`.
        observe: is told what is under way.
    """

    def __init__(
        self,
        program: Program,
        state: TrainState,
        transform: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda function: function,
        observe: Observer = observe_nothing,
    ):
        self._program = program
        run_iterations = transform(training_loop.run_iterations)
        end_epoch = transform(training_loop.end_epoch)
        programs = {
            "collection and updates": lambda: _lower(
                run_iterations, (program, *_as_arrays(1, 1)), state
            ),
            "evaluation": lambda: _lower(end_epoch, (program, *_as_arrays(1)), state),
        }
        self._run_iterations, self._end_epoch = compile_programs(programs, observe)

    def run_iterations(self, state: TrainState, iterations: int, updates: int) -> TrainState:
        return self._run_iterations((self._program, *_as_arrays(iterations, updates)), state)

    def end_epoch(
        self, state: TrainState, updates: int
    ) -> tuple[TrainState, Metrics, FiniteFlags, Rollout]:
        return self._end_epoch((self._program, *_as_arrays(updates)), state)


class SplitCpuExecution:
    """Runs environments on one device per CPU core, and updates on the first device.

    Environments that are stepped on every core from one device are a program of their own too: JAX
    keeps no program that calls Python, and the updates are kept this way.

    The fused loop is cut where the two meet: after an unroll its steps move to the first device,
    and before the next one the networks are copied to every core. The environments are taken out of
    the state that the updates get, and put back into the state that is returned, because one
    compiled program cannot hold arrays of different sets of devices.
    """

    def __init__(self, program: Program, state: TrainState, observe: Observer = observe_nothing):
        self._update_program, self._env_program = replace(program, devices=1), program
        rest, acting = replace(state, envs=None), self._acting_state(state)
        unroll, count = _example_unroll(state, program.unroll_length), jnp.zeros((), jnp.int32)
        env, update = (self._env_program,), self._update_program
        # `acting` shares arrays with the state, so its memory is not reused.
        programs = {
            "collection": lambda: _lower(
                training_loop.collect_unroll, env, acting, reuse_memory=False
            ),
            "evaluation": lambda: _lower(
                training_loop.evaluate_learners, env, acting, reuse_memory=False
            ),
            "updates": lambda: _lower(
                training_loop.insert_and_update, (update, unroll, count), rest
            ),
            "metrics": lambda: _lower(training_loop.epoch_metrics, (update, count), rest),
        }
        compiled = compile_programs(programs, observe)
        self._collect, self._evaluate, self._update, self._epoch_metrics = compiled

    def run_iterations(self, state: TrainState, iterations: int, updates: int) -> TrainState:
        rest, envs = replace(state, envs=None), state.envs
        for _ in range(iterations):
            acting = self._acting_state(replace(rest, envs=envs))
            envs, *collected = self._collect((self._env_program,), acting)
            unroll, nonfinite = jax.device_put(tuple(collected), jax.devices()[0])
            rest = replace(rest, nonfinite_resets=rest.nonfinite_resets + nonfinite)
            fixed = (self._update_program, unroll, *_as_arrays(updates))
            rest = self._update(fixed, rest)
        return replace(rest, envs=envs)

    def end_epoch(
        self, state: TrainState, updates: int
    ) -> tuple[TrainState, Metrics, FiniteFlags, Rollout]:
        evaluation, rollout = self._evaluate((self._env_program,), self._acting_state(state))
        fixed = (self._update_program, *_as_arrays(updates))
        rest, train, flags = self._epoch_metrics(fixed, replace(state, envs=None))
        return replace(rest, envs=state.envs), {**train, **evaluation}, flags, rollout

    def _acting_state(self, state: TrainState) -> TrainState:
        """Copy what collecting and evaluating need to every core."""
        needed = replace(
            state,
            learners=_networks_only(state.learners),
            envs=None,
            buffer=None,
            metric_sums=None,
            nonfinite_resets=None,
        )
        replicated = shardings(self._env_program, REPLICATED)
        return replace(jax.device_put(needed, replicated), envs=state.envs)


def _lower(
    function: Callable[..., Any], fixed: tuple, state: Any, *, reuse_memory: bool = True
) -> Any:
    """Trace `function(program, state, *others)` as one of `(program, *others)` and the state.

    In this order JAX can be told to reuse the memory of the state alone.
    """
    donated = "all-except-first" if reuse_memory else "none"
    return eqx.filter_jit(_state_last(function), donate=donated).lower(fixed, state)


def _state_last(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda fixed, state: function(fixed[0], state, *fixed[1:])


def _example_unroll(state: TrainState, steps: int) -> Step:
    """Return zeros of the shapes that an unroll has, without tracing one."""

    def zeros(ring: jax.Array) -> jax.Array:
        # The buffer may keep fewer bits.
        floating = jnp.issubdtype(ring.dtype, jnp.floating)
        return jnp.zeros((steps, *ring.shape[1:]), jnp.float32 if floating else ring.dtype)

    return jax.tree.map(zeros, state.buffer.rows)


def _networks_only(learners: LearnerStates) -> LearnerStates:
    """Drop what only training needs."""
    for_training = lambda s: (s.optimisers, s.targets, s.updates)  # noqa: E731
    return {
        name: eqx.tree_at(for_training, learner, (None,) * 3, is_leaf=lambda x: x is None)
        for name, learner in learners.items()
    }


def _as_arrays(*numbers: int) -> tuple[jax.Array, ...]:
    return tuple(jnp.asarray(number, jnp.int32) for number in numbers)


def _steps_on_every_core(program: Program) -> bool:
    """Return whether one device steps the environments on all cores of a CPU."""
    engine = engine_of(program.environment)
    return _is_cpu() and engine is not None and engine.uses_every_core


def _is_cpu() -> bool:
    return target_platform() == "cpu"
