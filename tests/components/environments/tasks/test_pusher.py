"""The pusher: C MuJoCo, starts and goals, contacts, reach."""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from compiled import task

from components.constraints import SettingError
from components.env_dims import EnvDims
from components.environments.core.physics import PhysicsState
from components.environments.robot_models.pusher import (
    JOINTS,
    OBJECT_HEIGHT,
    OBJECT_RADIUS,
    TABLE_HEIGHT,
    pusher_model,
)
from components.environments.tasks.pusher import pusher

FORK_RADIUS = 0.02
# Left and right tip of the fork, and the middle of its crossbar, in the frame of the wrist.
FORK = np.array([[0.1, -0.1, 0], [0.1, 0.1, 0], [0, 0, 0]])


@pytest.fixture(scope="module")
def env():
    return task(pusher).env


@pytest.fixture(scope="module")
def hard():
    return pusher("hard")


@pytest.fixture(scope="module")
def step():
    return task(pusher).step


@pytest.fixture(scope="module")
def drawn(env, hard):
    """10,000 starts and goals of each difficulty."""
    keys = jax.random.split(jax.random.key(0), 10_000)
    return {
        e.task.success_radius: jax.jit(jax.vmap(e.task.sample_start))(keys) for e in (env, hard)
    }


@pytest.fixture(scope="module")
def start():
    return task(pusher).start


def put(state, qpos, qvel=None):
    """The same state with arm and object elsewhere."""
    qvel = np.zeros(9) if qvel is None else qvel
    physics_state = (jnp.asarray(x, jnp.float32) for x in (qpos, qvel, np.zeros(9), np.zeros(7)))
    return state._replace(physics_state=PhysicsState(*physics_state))


def pose(model, target, point, rng):
    """Joint angles (7) that bring a point of the fork to `target`, and how near they come.

    Damped least squares from random angles; the roll of the wrist, and so of the fork, is free.
    """
    data, wrist = mujoco.MjData(model), model.body("r_wrist_roll_link").id
    low, high = model.jnt_range[:JOINTS].T
    jacobian, best = np.zeros((3, model.nv)), (9.0, None)
    for _ in range(20):
        data.qpos[:JOINTS] = rng.uniform(low, high)
        for _ in range(60):
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            place = data.xpos[wrist] + data.xmat[wrist].reshape(3, 3) @ point
            error = target - place
            best = min(best, (np.linalg.norm(error), data.qpos[:JOINTS].copy()), key=lambda b: b[0])
            if best[0] < 0.005:
                return best
            mujoco.mj_jac(model, data, jacobian, None, place, wrist)
            J = jacobian[:, :JOINTS]
            change = J.T @ np.linalg.solve(J @ J.T + 1e-3 * np.eye(3), error)
            angles = data.qpos[:JOINTS] + np.clip(change, -0.3, 0.3)
            data.qpos[:JOINTS] = np.clip(angles, low, high)
    return best


def test_sizes(env):
    assert env.dims == EnvDims(state=20, goal=3, action=7)
    assert env.task.physics.control_step == pytest.approx(0.05)


def test_settings_are_checked():
    with pytest.raises(SettingError, match="'easy', 'hard'"):
        pusher("harder")


@pytest.mark.parametrize(
    ("radius", "low", "high"), [(0.1, (0.25, -0.6), (0.65, -0.3)), (0.05, (-0.1, -0.7), (0.9, 0.3))]
)
def test_starts_and_goals(env, drawn, radius, low, high):
    qpos, qvel, goal = (np.asarray(x) for x in drawn[radius])
    assert (qpos[:, :7] == 0).all()
    assert np.abs(qvel[:, :7]).max() <= 0.005
    assert (qvel[:, 7:] == 0).all()
    np.testing.assert_allclose(goal[:, 2], OBJECT_HEIGHT)
    # The object's joints are y, then x; `test_state_is_...` compares them with what is observed.
    achieved = np.column_stack([qpos[:, [8, 7]], goal[:, 2]])
    for place, limits in ((achieved[:, :2], ((0.25, -0.35), (0.65, -0.05))), (goal, (low, high))):
        place, limits = place[:, :2], np.array(limits)
        assert (place >= limits[0] - 1e-6).all()
        assert (place <= limits[1] + 1e-6).all()
        # Every quarter of the box is drawn from.
        right, upper = (place > limits.mean(axis=0)).T
        assert min(np.mean(right == a) for a in (0, 1)) > 0.2
        assert min(np.mean((right == a) & (upper == b)) for a in (0, 1) for b in (0, 1)) > 0.03
    assert np.linalg.norm(achieved - goal, axis=1).min() >= 0.17 - 1e-6
    reach = np.hypot(goal[:, 0], goal[:, 1] + 0.6)
    assert reach.min() >= 0.25 - 1e-6
    assert reach.max() <= 0.85 + 1e-6
    assert not env.success(jnp.asarray(achieved), jnp.asarray(goal)).any()


def test_success_is_inside_the_radius(env, hard):
    zero = jnp.zeros(3, jnp.float32)
    for pusher_env, radius in ((env, 0.1), (hard, 0.05)):
        assert bool(pusher_env.success(zero, jnp.asarray([0, radius - 1e-3, 0], jnp.float32)))
        assert not bool(pusher_env.success(zero, jnp.asarray([0, radius + 1e-3, 0], jnp.float32)))


def test_state_is_angles_wrist_object_and_velocities(env, start):
    model = env.task.scene
    data, rng = mujoco.MjData(model), np.random.default_rng(0)
    data.qpos, data.qvel = rng.uniform(-0.5, 0, 9), rng.normal(0, 1, 9)
    mujoco.mj_forward(model, data)
    places = [data.body(name).xpos for name in ("r_wrist_flex_link", "object")]
    expected = np.concatenate([data.qpos[:7], *places, data.qvel[:7]])
    physics_state = put(start, data.qpos, data.qvel).physics_state
    np.testing.assert_allclose(jax.jit(env.task.observe)(physics_state), expected, atol=1e-6)


def test_success_counts_after_the_step_and_time_truncates(step, start):
    state = start._replace(
        goal=jnp.append(start.physics_state.qpos[jnp.array([8, 7])], jnp.float32(-0.275))
    )
    state = task(pusher).near_the_end(state, 20)
    for _ in range(20):
        state, timestep = step(state, jnp.zeros(7, jnp.float32))
        assert timestep.reward == 1
        assert timestep.discount == 1
    assert timestep.last()


def near_the_object(model, rng):
    """Arm and object (9) with the fork low above the table and the object between its prongs."""
    data, wrist = mujoco.MjData(model), model.body("r_wrist_roll_link").id
    low, high = model.jnt_range[:JOINTS].T
    while True:
        data.qpos[:JOINTS] = rng.uniform(low, high)
        mujoco.mj_kinematics(model, data)
        corners = data.xpos[wrist] + FORK @ data.xmat[wrist].reshape(3, 3).T
        if -0.31 < corners[:, 2].min() < -0.25:
            return np.append(data.qpos[:JOINTS], corners.mean(axis=0)[[1, 0]])


def test_agrees_with_c_mujoco(step, start):
    """100 control steps under random actions, each compared from the same state.

    float32 rounding; where joint limits and contacts meet, three iterations leave a little more.
    """
    model = pusher_model()
    model.opt.iterations, model.opt.ls_iterations, model.opt.tolerance = 100, 50, 1e-12
    rng, errors, touching = np.random.default_rng(0), [], []
    for t in range(100):
        if t % 10 == 0:
            state = put(start, near_the_object(model, rng))
        data = mujoco.MjData(model)
        data.qpos, data.qvel = state.physics_state.qpos, state.physics_state.qvel
        data.qacc_warmstart = state.physics_state.warmstart
        data.ctrl = action = rng.uniform(-1, 1, 7)
        touching.append(0)
        for _ in range(5):
            mujoco.mj_step(model, data)
            touching[-1] += data.nefc > 0
        state, _ = step(state, jnp.asarray(action, jnp.float32))
        errors.append(np.abs(np.asarray(state.physics_state.qpos) - data.qpos).max())
    assert 40 < np.count_nonzero(touching) < 90
    assert np.quantile(errors, 0.95) < 2e-6
    assert max(errors) < 1e-3


def test_fork_pushes_the_object_and_not_through_it(env, step, start):
    """The shoulder turns with the object before the fork, which touches it and stays outside."""
    model, rng = env.task.scene, np.random.default_rng(1)
    data, wrist = mujoco.MjData(model), model.body("r_wrist_roll_link").id
    near, angles = pose(model, np.array([0.6, -0.5, -0.27]), FORK[2], rng)
    assert near < 0.01
    data.qpos[:JOINTS] = angles
    mujoco.mj_kinematics(model, data)
    place = data.xpos[wrist] + data.xmat[wrist].reshape(3, 3) @ np.array([0.08, 0, 0])
    state, depths = put(start, [*angles, place[1], place[0]]), []
    for _ in range(20):
        state, timestep = step(state, jnp.asarray([1, 0, 0, 0, 0, 0, 0], jnp.float32))
        data.qpos = state.physics_state.qpos
        mujoco.mj_forward(model, data)
        depths += [contact.dist for contact in data.contact]
    assert len(depths) > 5
    assert min(depths) > -0.002
    assert np.linalg.norm(timestep.observation.state[10:12] - place[:2]) > 0.1


def test_table_holds_the_fork(env, step, start):
    """Pressed down by shoulder and elbow at full torque, the prongs stay above the table."""
    model, data = env.task.scene, mujoco.MjData(env.task.scene)
    wrist = model.body("r_wrist_roll_link").id
    state, lowest = put(start, [0, 0, 0, 0, 0, 0, 0, -0.2, 0.2]), 1.0
    for _ in range(40):
        state, _ = step(state, jnp.asarray([0, 1, 0, 0, 0, 0, 0], jnp.float32))
        data.qpos = state.physics_state.qpos
        mujoco.mj_kinematics(model, data)
        corners = data.xpos[wrist] + FORK @ data.xmat[wrist].reshape(3, 3).T
        lowest = min(lowest, corners[:2, 2].min() - FORK_RADIUS)
    assert TABLE_HEIGHT - 0.01 < lowest < TABLE_HEIGHT + 0.01


def test_the_fork_reaches_around_every_goal(hard, drawn):
    """It can be behind the object as it is pushed in any of four directions to a goal.

    Around goals on the border of what is drawn it need not come nearer than the success radius.
    """
    rng, goals = np.random.default_rng(0), np.asarray(drawn[0.05].goal, float)
    gap = OBJECT_RADIUS + FORK_RADIUS
    for goal in goals[:6]:
        radial = (goal[:2] - [0, -0.6]) / np.hypot(goal[0], goal[1] + 0.6)
        for direction in (radial, -radial, [-radial[1], radial[0]], [radial[1], -radial[0]]):
            target = goal + gap * np.array([*direction, 0])
            nearest = min(pose(hard.task.scene, target, point, rng)[0] for point in FORK)
            assert nearest < hard.task.success_radius, (goal, direction, nearest)
