"""The reacher: C MuJoCo, starts and goals, reach."""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from compiled import task

from components.constraints import SettingError
from components.env_dims import EnvDims
from components.environments.core.physics import PhysicsState
from components.environments.robot_models.reacher import reacher_model
from components.environments.tasks.reacher import reacher


@pytest.fixture(scope="module")
def env():
    return task(reacher).env


@pytest.fixture(scope="module")
def step():
    return task(reacher).step


@pytest.fixture(scope="module")
def start():
    return task(reacher).start


def put(state, qpos, qvel=(0, 0)):
    """The same state with the arm elsewhere."""
    zero = jnp.zeros(2, jnp.float32)
    return state._replace(
        physics_state=PhysicsState(
            jnp.asarray(qpos, jnp.float32), jnp.asarray(qvel, jnp.float32), zero, zero
        )
    )


def test_sizes(env):
    assert env.dims == EnvDims(state=10, goal=3, action=2)
    assert env.task.physics.control_step == pytest.approx(0.02)


def test_settings_are_checked():
    with pytest.raises(SettingError, match="at least 1"):
        reacher(episode_length=0)


def test_starts_and_goals(env):
    keys = jax.random.split(jax.random.key(0), 10_000)
    state, timestep = jax.jit(jax.vmap(env.reset))(keys)
    for values, limit in ((state.physics_state.qpos, 0.1), (state.physics_state.qvel, 0.005)):
        assert np.abs(values).max() <= limit
        np.testing.assert_allclose(np.std(values, axis=0), limit / np.sqrt(3), rtol=0.03)
    goal = np.asarray(timestep.observation.goal)
    np.testing.assert_allclose(goal[:, 2], 0.01)
    radius, angle = np.hypot(*goal[:, :2].T), np.arctan2(goal[:, 1], goal[:, 0])
    assert radius.max() <= 0.2 + 1e-6
    for values, limits in ((radius, (0, 0.2)), (angle, (-np.pi, np.pi))):
        counts, _ = np.histogram(values, bins=8, range=limits)
        # Six standard deviations of a binomial count with mean 1250.
        np.testing.assert_allclose(counts, 1250, atol=200)


def test_state_is_angles_tip_and_its_velocity(env, start):
    """The tip is Gymnasium's body of that name; its velocity that of MuJoCo."""
    model = env.task.scene
    data = mujoco.MjData(model)
    data.qpos, data.qvel = (0.7, -1.9), (3.0, 5.0)
    mujoco.mj_forward(model, data)
    velocity = np.zeros(6)
    tip = model.body("fingertip").id
    mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_BODY, tip, velocity, 0)
    angles = [*np.cos(data.qpos), *np.sin(data.qpos)]
    expected = np.concatenate([angles, data.xpos[tip], velocity[3:]])
    physics_state = put(start, data.qpos, data.qvel).physics_state
    np.testing.assert_allclose(jax.jit(env.task.observe)(physics_state), expected, atol=1e-6)


@pytest.mark.parametrize(("distance", "inside"), [(0.049, True), (0.051, False)])
def test_success_is_inside_five_centimetres(env, distance, inside):
    goal = jnp.asarray([0.1, distance, 0.01], jnp.float32)
    assert bool(env.success(jnp.asarray([0.1, 0, 0.01], jnp.float32), goal)) is inside


def test_time_limit_truncates(step, start):
    state = task(reacher).near_the_end(start, 20)
    for _ in range(20):
        assert state.step < 1000
        state, timestep = step(state, jnp.ones(2, jnp.float32))
        assert timestep.discount == 1
    assert timestep.last()


def test_agrees_with_c_mujoco(step, start):
    """100 random actions, the same open-loop path, the second joint's limit among them.

    At up to 30 rad/s float32 loses about 1e-6 rad per step; a limit that is met a rounding error
    earlier or later makes it ten times as much.
    """
    model = reacher_model()
    model.opt.iterations, model.opt.ls_iterations = 50, 50
    data = mujoco.MjData(model)
    data.qpos, data.qvel = start.physics_state.qpos, start.physics_state.qvel
    state, rng, limited, errors = start, np.random.default_rng(0), 0, []
    for _ in range(100):
        data.ctrl = action = rng.uniform(-1, 1, 2)
        for _ in range(2):
            mujoco.mj_step(model, data)
            limited += data.nefc > 0
        state, _ = step(state, jnp.asarray(action, jnp.float32))
        errors.append(np.abs(np.asarray(state.physics_state.qpos) - data.qpos).max())
    assert limited > 5
    assert max(errors) < 1e-3
    assert np.median(errors) < 2e-4


def test_the_second_joint_stops_at_its_limit(step, start):
    state = put(start, (0, 0))
    for _ in range(30):
        state, _ = step(state, jnp.asarray([0, 1], jnp.float32))
        assert np.abs(state.physics_state.qpos[1]) < 3.3


def test_a_controller_reaches_goals_all_over(step, start):
    """Inverse kinematics and a damped spring on each joint."""
    for index, radius in enumerate((0.0, 0.03, 0.1, 0.15, 0.2)):
        angle = 2.0 * index - 4.0
        goal = radius * np.array([np.cos(angle), np.sin(angle)])
        state = start._replace(goal=jnp.asarray([*goal, 0.01], jnp.float32))
        cosine = (radius**2 - 0.1**2 - 0.11**2) / (2 * 0.1 * 0.11)
        bend = min(np.arccos(np.clip(cosine, -1, 1)), 2.99)
        first = angle - np.arctan2(0.11 * np.sin(bend), 0.1 + 0.11 * np.cos(bend))
        target = np.array([(first + np.pi) % (2 * np.pi) - np.pi, bend])
        for _ in range(60):
            error = target - np.asarray(state.physics_state.qpos)
            action = (900 * error - 60 * np.asarray(state.physics_state.qvel)) / 200
            state, timestep = step(state, jnp.asarray(action, jnp.float32))
        assert timestep.extras["success"], (radius, timestep.extras["distance"])
