"""The half cheetah: C MuJoCo, starts, success, standing, running."""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from compiled import task

from components.constraints import SettingError
from components.env_dims import EnvDims
from components.environments.robot_models.half_cheetah import half_cheetah_model
from components.environments.tasks.half_cheetah import half_cheetah


@pytest.fixture(scope="module")
def env():
    return task(half_cheetah).env


@pytest.fixture(scope="module")
def step():
    return task(half_cheetah).step


@pytest.fixture(scope="module")
def start():
    """At the origin in the model's own stance, at rest."""
    state = task(half_cheetah).start
    physics_state = jax.tree.map(jnp.zeros_like, state.physics_state)
    return state._replace(physics_state=physics_state)


def converged(model):
    model.opt.iterations, model.opt.ls_iterations, model.opt.tolerance = 100, 50, 1e-12
    return model


def deepest(model, qpos):
    """How far the lowest geom is under the floor (metres; negative above it)."""
    data = mujoco.MjData(model)
    data.qpos = qpos
    mujoco.mj_forward(model, data)
    return -min([contact.dist for contact in data.contact], default=0.0)


def test_sizes(env):
    assert env.dims == EnvDims(state=18, goal=1, action=6)
    assert env.task.physics.control_step == pytest.approx(0.05)


def test_settings_are_checked():
    with pytest.raises(SettingError, match="at least 1"):
        half_cheetah(episode_length=0)


def test_robot_is_gymnasiums_without_a_target(env):
    model = env.task.scene
    assert (model.nq, model.nv, model.nu) == (9, 9, 6)
    np.testing.assert_allclose(model.body_mass.sum(), 14)
    np.testing.assert_array_equal(model.actuator_gear[:, 0], [120, 90, 60, 120, 60, 30])
    joints = [model.joint(i).name for i in model.actuator_trnid[:, 0]]
    assert joints == ["bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot"]


def test_starts_and_goals(env):
    state, timestep = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), 10_000))
    qpos, qvel = np.asarray(state.physics_state.qpos), np.asarray(state.physics_state.qvel)
    assert np.abs(qpos).max() <= 0.1
    np.testing.assert_allclose(qpos.mean(axis=0), 0, atol=0.004)
    np.testing.assert_allclose(qpos.std(axis=0), 0.2 / np.sqrt(12), atol=0.002)
    np.testing.assert_allclose(qvel.std(axis=0), 0.1, atol=0.004)
    assert (np.asarray(timestep.observation.goal) == 5).all()
    np.testing.assert_array_equal(timestep.observation.state, np.hstack([qpos, qvel]))


@pytest.mark.parametrize(
    ("x", "inside"), [(4.5, False), (4.501, True), (5.499, True), (5.5, False)]
)
def test_success_within_half_a_metre(env, x, inside):
    achieved = env.achieved_goal(jnp.zeros(18, jnp.float32).at[0].set(x))
    assert bool(env.success(achieved, jnp.asarray([5], jnp.float32))) is inside


def test_agrees_with_c_mujoco(env, step, start):
    """100 control steps under random actions, each compared from the same state.

    Four iterations are enough for float32. More would be seen where a contact begins a rounding
    error earlier or later.
    """
    model = converged(half_cheetah_model())
    data = mujoco.MjData(model)
    state, rng, errors = start, np.random.default_rng(0), []
    for _ in range(100):
        action = rng.uniform(-1, 1, 6)
        data.qpos, data.qvel, data.ctrl = state.physics_state.qpos, state.physics_state.qvel, action
        for _ in range(env.task.physics.substeps):
            mujoco.mj_step(model, data)
        state, _ = step(state, jnp.asarray(action, jnp.float32))
        errors.append(np.abs(np.asarray(state.physics_state.qpos) - data.qpos).max())
    assert np.median(errors) < 2e-6
    assert np.quantile(errors, 0.95) < 1e-4
    assert max(errors) < 0.02


def test_stands_and_does_not_sink(env, step, start):
    state = start
    for _ in range(40):
        state, timestep = step(state, jnp.zeros(6, jnp.float32))
        assert deepest(env.task.scene, state.physics_state.qpos) < 0.02
        assert not timestep.last()
    assert -0.2 < state.physics_state.qpos[1] < 0
    assert abs(state.physics_state.qpos[2]) < 0.2
    assert np.abs(np.asarray(state.physics_state.qvel)).max() < 0.05


def test_never_terminates(step, start):
    """Thrown into the air upside down."""
    qpos = jnp.asarray([0, 5, 3, *[0] * 6], jnp.float32)
    state = start._replace(physics_state=start.physics_state._replace(qpos=qpos))
    for _ in range(30):
        state, timestep = step(state, jnp.ones(6, jnp.float32))
        assert timestep.discount == 1
        assert not timestep.last()


def test_swinging_legs_carry_it_to_the_goal(step, start):
    """All joints at 4 Hz, each 2.5 rad after the one above it: 1 m/s without any feedback."""
    phase = np.tile([0, 2.5, 5], 2)
    state, inside = start, False
    for t in range(120):
        action = np.sin(2 * np.pi * 4 * 0.05 * t + phase)
        state, timestep = step(state, jnp.asarray(action, jnp.float32))
        inside |= bool(timestep.extras["success"])
    assert inside
