"""The ants stepped by MuJoCo in C, for MJX to be compared with."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from components.environments.core.physics import Physics, PhysicsState

SUBSTEPS = 5


class Case(NamedTuple):
    """One control step: from where, under which action, to where, and what touched what."""

    qpos: np.ndarray
    qvel: np.ndarray
    action: np.ndarray
    after: np.ndarray
    touched: set[frozenset[str]]


def converged(model):
    """The same model, its solver run to the end."""
    model.opt.iterations, model.opt.ls_iterations, model.opt.tolerance = 100, 50, 1e-10
    return model


def step_in_c(model, qpos, qvel, action) -> Case:
    """One control step of a model from there."""
    data = mujoco.MjData(model)
    data.qpos, data.qvel, data.ctrl = qpos, qvel, action
    touched = set()
    for _ in range(SUBSTEPS):
        mujoco.mj_step(model, data)
        touched |= touching(model, data)
    return Case(np.array(qpos), np.array(qvel), np.array(action), data.qpos.copy(), touched)


def touching(model, data) -> set[frozenset[str]]:
    """The pairs of geoms in contact, by the first part of their names."""
    names = [[model.geom(int(g)).name for g in contact.geom] for contact in data.contact]
    return {frozenset(name.split("_")[0] for name in pair) for pair in names}


def put(state, qpos, qvel=None):
    """The same state with the robot elsewhere, at rest unless `qvel` is given."""
    old = state.physics_state
    qvel = np.zeros(old.qvel.shape) if qvel is None else qvel
    rest = (np.zeros(old.warmstart.shape), np.zeros(old.ctrl.shape))
    return state._replace(
        physics_state=PhysicsState(*(jnp.asarray(x, jnp.float32) for x in (qpos, qvel, *rest)))
    )


def error(step, state, case: Case) -> np.ndarray:
    """How far (nq,) a compiled step of MJX ends from where C did."""
    after, _ = step(put(state, case.qpos, case.qvel), jnp.asarray(case.action, jnp.float32))
    return np.abs(np.asarray(after.physics_state.qpos) - case.after)


def largest_error(physics: Physics, cases: list[Case]) -> float:
    """How far MJX ends from where C did, at worst over all cases and positions."""
    qpos, qvel, action, after, _ = zip(*cases, strict=True)
    zero = np.zeros_like
    start = (jnp.asarray(x, jnp.float32) for x in (qpos, qvel, zero(qvel), zero(action)))
    advance = jax.jit(jax.vmap(physics.apply_control))
    physics_state = advance(PhysicsState(*start), jnp.asarray(action, jnp.float32))
    return float(np.abs(np.asarray(physics_state.qpos) - np.array(after)).max())
