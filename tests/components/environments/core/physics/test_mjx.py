"""Poses, inertias, velocities and forces as C MuJoCo has them."""

import pickle

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from components.environments.core.physics import Physics, PhysicsState
from components.environments.core.physics.mjx import MJX
from components.environments.tasks.point import point_maze
from components.environments.workarounds.quiet_mjx import mjx


def test_mechanics_are_c_mujocos(free_ant):
    physics = free_ant.task.physics
    rng = np.random.default_rng(0)
    data = mujoco.MjData(physics.model)
    data.qpos = rng.normal(size=15)
    data.qpos[3:7] /= np.linalg.norm(data.qpos[3:7])
    data.qvel, data.ctrl = rng.normal(size=14), rng.uniform(-1, 1, 8)
    mujoco.mj_forward(physics.model, data)
    physics_state = PhysicsState(
        *(jnp.asarray(x, jnp.float32) for x in (data.qpos, data.qvel, 0 * data.qvel, data.ctrl))
    )
    found = jax.jit(physics.compute_kinematics)(physics_state)
    for name, value in found._asdict().items():
        expected = getattr(data, name).reshape(value.shape)
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5, err_msg=name)


def test_mjx_is_traced_once_for_all_programs(bead, monkeypatch):
    traced, step = [], mjx.step
    monkeypatch.setattr(mjx, "step", lambda *x: (traced.append(1), step(*x))[1])
    physics = Physics(bead.task.physics.model, 2, lambda model, _: model)
    physics_state = physics.initial_state(jnp.zeros(1, jnp.float32), jnp.zeros(1, jnp.float32))
    jax.eval_shape(physics.apply_control, physics_state, physics_state.ctrl)
    once = len(traced)
    assert once > 0
    states = jax.tree.map(lambda x: x[None], physics_state)
    jax.eval_shape(lambda batch: jax.vmap(physics.apply_control)(batch, batch.ctrl), states)
    assert len(traced) == once


def test_mazes_that_differ_in_their_cells_alone_share_what_is_traced():
    for_training, for_evaluation = point_maze("big_maze"), point_maze("big_maze_eval")
    other_walls = point_maze("u_maze")
    assert shared_step(for_training) is shared_step(for_evaluation)
    assert shared_step(for_training) is not shared_step(other_walls)


def test_an_edited_robot_is_traced_by_itself():
    env = point_maze("big_maze")

    def edit(model):
        model.body_mass *= 2

    edited = env.task.with_model(edit).physics.with_engine(MJX())
    assert shared_step(env) is not edited._simulation().apply_control


def shared_step(env):
    return env.task.physics.with_engine(MJX())._simulation().apply_control


def test_physics_that_has_been_traced_pickles(bead):
    physics = bead.task.physics
    physics_state = physics.initial_state(jnp.ones(1, jnp.float32), jnp.zeros(1, jnp.float32))
    expected = physics.compute_kinematics(physics_state)
    found = pickle.loads(pickle.dumps(physics)).compute_kinematics(physics_state)
    np.testing.assert_array_equal(found.xpos, expected.xpos)
