"""The humanoid: C MuJoCo, what it sees, starts and goals, standing, walls.

What is stepped is stepped in the maze, most of it in the middle of a cell: the body is the same.
"""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from ants_in_c import put
from compiled import task

from components.constraints import SettingError
from components.env_dims import EnvDims
from components.environments.mazes.layouts import make_maze
from components.environments.robot_models.humanoid import humanoid_model
from components.environments.tasks.humanoid import humanoid, humanoid_maze

FOOT_RADIUS = 0.075


@pytest.fixture(scope="module")
def free():
    return task(humanoid).env


@pytest.fixture(scope="module")
def in_maze():
    return task(humanoid_maze).env


@pytest.fixture(scope="module")
def step():
    return task(humanoid_maze).step


@pytest.fixture(scope="module")
def start():
    return task(humanoid_maze).start


@pytest.fixture(scope="module")
def drawn(free):
    """10,000 starts and goals of the free humanoid."""
    return jax.jit(jax.vmap(free.task.sample_start))(jax.random.split(jax.random.key(0), 10_000))


def upright(height, **joints):
    """Positions of a humanoid above the start cell, all joints but these at 0."""
    qpos = np.zeros(24)
    qpos[:4] = 2, 2, height, 1
    model = humanoid_model()
    for name, angle in joints.items():
        qpos[model.joint(name).qposadr] = angle
    return qpos


def converged(model):
    model.opt.iterations, model.opt.ls_iterations, model.opt.tolerance = 100, 50, 1e-12
    return model


def step_in_c(model, qpos, qvel, action):
    """One control step of C MuJoCo from there."""
    data = mujoco.MjData(model)
    data.qpos, data.qvel, data.ctrl = qpos, qvel, 0.4 * action
    for _ in range(3):
        mujoco.mj_step(model, data)
    return data


def stance_action(model, data, target):
    """Springs and dampers in every joint, and hips that keep the body above the feet."""
    joints = model.actuator_trnid[:, 0]
    qpos, qvel = model.jnt_qposadr[joints], model.jnt_dofadr[joints]
    action = 0.5 * (target[qpos] - data.qpos[qpos]) - 0.025 * data.qvel[qvel]
    feet = (data.geom("left_foot").xpos + data.geom("right_foot").xpos) / 2
    lean = data.subtree_com[1, 0] - feet[0] + 0.2 * data.qvel[0]
    action[[model.actuator("left_hip_y").id, model.actuator("right_hip_y").id]] += lean
    return np.clip(action / 0.4, -1, 1)


def test_sizes(free, in_maze):
    for env in (free, in_maze):
        assert env.dims == EnvDims(state=246, goal=3, action=17)
        assert env.task.physics.control_step == pytest.approx(0.015)


def test_settings_are_checked():
    with pytest.raises(SettingError, match="'big_maze'"):
        humanoid_maze(layout="bigmaze")


def test_free_starts_and_goals(drawn):
    stance = np.array([0, 0, 1.4, 1, *[0] * 20], np.float32)
    assert (np.asarray(drawn.qpos) == stance).all()
    assert (np.asarray(drawn.qvel) == 0).all()
    goal = np.asarray(drawn.goal)
    assert (goal[:, 2] == 1.25).all()
    distance = np.linalg.norm(goal[:, :2], axis=1)
    assert distance.min() > 1 - 1e-5
    assert distance.max() < 5 + 1e-5
    # Six standard deviations of binomial counts with means 2500 and 1250.
    np.testing.assert_allclose(np.histogram(distance, 4, (1, 5))[0], 2500, atol=260)
    angle = np.arctan2(goal[:, 1], goal[:, 0])
    np.testing.assert_allclose(np.histogram(angle, 8, (-np.pi, np.pi))[0], 1250, atol=200)


@pytest.mark.parametrize("layout", ["u_maze", "big_maze_eval_v2", "hardest_maze"])
def test_maze_starts_and_goals(layout):
    env = humanoid_maze(layout)
    starts = jax.vmap(env.task.sample_start)(jax.random.split(jax.random.key(0), 1000))
    assert (np.asarray(starts.qpos) == np.float32(upright(1.4))).all()
    assert (np.asarray(starts.qvel) == 0).all()
    goals = np.unique(np.asarray(starts.goal), axis=0)
    np.testing.assert_array_equal(goals[:, :2], make_maze(layout, 2.0).cell_centres("G"))
    assert (goals[:, 2] == 1.25).all()


def test_success_within_half_a_metre_in_space(free):
    goal = np.array([3, 0, 1.25])
    inside = [[3.3, 0.399, 1.25], [3, 0, 1.749], [2.501, 0, 1.25], [3.29, 0.29, 1.53]]
    outside = [[3.3, 0.401, 1.25], [3, 0, 1.751], [2.5, 0, 1.25], [3.29, 0.29, 1.54]]
    places = jnp.asarray([inside, outside], jnp.float32)
    reached = free.success(places, jnp.broadcast_to(jnp.asarray(goal, jnp.float32), places.shape))
    np.testing.assert_array_equal(reached, [[True] * 4, [False] * 4])


@pytest.mark.parametrize(
    ("height", "ok"), [(0.99, False), (1.01, True), (1.99, True), (2.01, False)]
)
def test_healthy_between_one_and_two_metres(free, height, ok):
    qpos = jnp.asarray(upright(height), jnp.float32)
    physics_state = free.task.physics.initial_state(qpos, jnp.zeros(23, jnp.float32))
    assert bool(free.task.healthy(physics_state)) is ok


def test_a_fall_terminates(start, step):
    _, timestep = step(put(start, upright(0.9)), jnp.zeros(17, jnp.float32))
    assert timestep.last()
    assert timestep.discount == 0


def test_state_is_what_c_mujoco_has(start, step):
    model, rng = humanoid_model(), np.random.default_rng(0)
    state = put(start, upright(1.4), rng.normal(0, 1, 23))
    action = rng.uniform(-1, 1, 17)
    state, timestep = step(state, jnp.asarray(action, jnp.float32))
    data = mujoco.MjData(model)
    data.qpos, data.qvel, data.ctrl = (
        state.physics_state.qpos,
        state.physics_state.qvel,
        0.4 * action,
    )
    mujoco.mj_forward(model, data)
    seen = np.asarray(timestep.observation.state)
    pieces = np.split(seen, np.cumsum([24, 23, 110, 66]))
    links = [data.cinert[1:].ravel(), data.cvel[1:].ravel(), data.qfrc_actuator]
    for piece, expected in zip(pieces, [data.qpos, data.qvel, *links], strict=True):
        np.testing.assert_allclose(piece, expected, rtol=1e-5, atol=2e-5)
    joints = model.jnt_dofadr[model.actuator_trnid[:, 0]]
    full = np.array([40] * 5 + [120, 80] + [40] * 2 + [120, 80] + [10] * 6)
    np.testing.assert_allclose(pieces[-1][joints], full * action, rtol=1e-5)


def test_state_knows_nothing_of_the_goal():
    reset = task(humanoid).reset
    seen = [reset(jax.random.PRNGKey(seed))[1].observation for seed in range(3)]
    assert (seen[0].state == seen[1].state).all()
    assert (seen[0].state == seen[2].state).all()
    assert (seen[0].goal != seen[1].goal).any()


def test_falling_humanoid_agrees_with_c_mujoco(start, step):
    """Before the first contact nothing but float32 rounding tells them apart."""
    model = converged(humanoid_model())
    # Knees away from their limits.
    qpos = upright(1.9, right_knee=-0.8, left_knee=-0.8)
    data, state = mujoco.MjData(model), put(start, qpos)
    data.qpos = qpos
    rng = np.random.default_rng(0)
    for _ in range(15):
        action = 0.1 * rng.uniform(-1, 1, 17)
        data.ctrl = 0.4 * action
        for _ in range(3):
            mujoco.mj_step(model, data)
            assert data.nefc == 0
        state, _ = step(state, jnp.asarray(action, jnp.float32))
        np.testing.assert_allclose(state.physics_state.qpos, data.qpos, atol=2e-6)
    assert data.qpos[2] < 1.7


def test_struggling_humanoid_agrees_with_c_mujoco(in_maze, start, step):
    """100 control steps under random actions, each compared from the same state.

    Most agree to float32; where feet slip or joints meet their limits, what two iterations leave of
    the solver's error is about that of the time step itself (0.01 rad); at worst a light arm thrown
    against its joint's limit is 0.1 rad off.
    """
    model = converged(humanoid_model(in_maze.task.maze.walls))
    state, rng, errors = start, np.random.default_rng(0), []
    for _ in range(100):
        action = rng.uniform(-1, 1, 17)
        data = step_in_c(model, state.physics_state.qpos, state.physics_state.qvel, action)
        state, timestep = step(state, jnp.asarray(action, jnp.float32))
        errors.append(np.abs(np.asarray(state.physics_state.qpos) - data.qpos).max())
        state = start if timestep.last() else state
    assert np.median(errors) < 2e-6
    assert np.quantile(errors, 0.9) < 0.03
    assert max(errors) < 0.2


def test_stands_for_a_second_on_feet_that_neither_sink_nor_slide(start, step):
    """Dropped 0.1 m onto its feet, held by springs in its joints."""
    model = humanoid_model()
    data = mujoco.MjData(model)
    bent = {f"{side}_{joint}": -0.1 for side in ("right", "left") for joint in ("knee", "hip_y")}
    target = upright(1.4, **bent)
    state, feet = put(start, target), []
    for t in range(67):
        data.qpos, data.qvel = state.physics_state.qpos, state.physics_state.qvel
        mujoco.mj_forward(model, data)
        feet.append([data.geom(f"{side}_foot").xpos.copy() for side in ("right", "left")])
        action = stance_action(model, data, target)
        state, timestep = step(state, jnp.asarray(action, jnp.float32))
        assert not timestep.last(), t
    feet = np.array(feet)
    assert feet[..., 2].min() > FOOT_RADIUS - 0.02
    assert np.abs(feet[20:] - feet[20])[..., :2].max() < 0.05
    assert state.physics_state.qpos[2] > 1.2


def states_beside_walls(model, count):
    """Humanoids that touch a wall, upright or lying on it, at most 2 cm inside anything."""
    data, rng, found = mujoco.MjData(model), np.random.default_rng(1), []
    low, high = 0.6 * model.jnt_range[1:].T
    while len(found) < count:
        lying = rng.uniform() < 0.5
        data.qpos[:2] = rng.uniform((0.3 if lying else 1.05, 1.1), (1.5, 6.9))
        data.qpos[2] = rng.uniform(1.05, 1.2) if lying else rng.uniform(1.2, 1.32)
        data.qpos[3:7] = rotation(rng.uniform(-np.pi, np.pi), lying * np.pi / 2)
        data.qpos[7:] = rng.uniform(low, high)
        mujoco.mj_forward(model, data)
        if -0.02 < deepest_in_walls(model, data) < 0 and data.contact.dist.min() > -0.02:
            found.append((data.qpos.copy(), rng.normal(0, 0.5, 23), rng.uniform(-1, 1, 17)))
    return found


def deepest_in_walls(model, data):
    """Smallest distance of a contact with a wall (metres), 0 where there is none."""
    first = model.geom("wall_0").id
    return min([c.dist for c in data.contact if c.geom.max() >= first], default=0.0)


def rotation(yaw, pitch):
    turn, tip, both = np.zeros(4), np.zeros(4), np.zeros(4)
    mujoco.mju_axisAngle2Quat(turn, [0.0, 0.0, 1.0], yaw)
    mujoco.mju_axisAngle2Quat(tip, [0.0, 1.0, 0.0], pitch)
    mujoco.mju_mulQuat(both, turn, tip)
    return both


def test_humanoid_beside_walls_agrees_with_c_mujoco(in_maze, start, step):
    """100 random states and actions; C has every wall of the maze, MJX the three nearest.

    Where two iterations of the solver were enough the states are equal, so the walls are.
    """
    model = converged(humanoid_model(in_maze.task.maze.walls))
    errors = []
    for qpos, qvel, action in states_beside_walls(model, 100):
        data = step_in_c(model, qpos, qvel, action)
        state, _ = step(put(start, qpos, qvel), jnp.asarray(action, jnp.float32))
        errors.append(np.abs(np.asarray(state.physics_state.qpos) - data.qpos).max())
    assert np.quantile(errors, 0.25) < 1e-5
    assert np.quantile(errors, 0.95) < 0.05
    assert max(errors) < 0.15


@pytest.mark.parametrize("speed", [1.0, 4.0])
def test_walls_hold_a_running_humanoid(in_maze, start, step, speed):
    """Thrown against the wall at x = 1, what is below its top stays out of it."""
    model, data = in_maze.task.scene, mujoco.MjData(in_maze.task.scene)
    qpos, qvel = upright(1.3), np.zeros(23)
    qpos[:2], qvel[0] = (1.6, 4.0), -speed
    state, depths = put(start, qpos, qvel), []
    for _ in range(40):
        state, timestep = step(state, jnp.zeros(17, jnp.float32))
        data.qpos = state.physics_state.qpos
        mujoco.mj_forward(model, data)
        depths.append(deepest_in_walls(model, data))
        if timestep.last():
            break
    assert -0.05 < min(depths) < 0


def test_walls_are_a_metre_high(in_maze):
    for i, half in enumerate(in_maze.task.maze.walls.half):
        np.testing.assert_allclose(in_maze.task.scene.geom(f"wall_{i}").size, [*half, 0.5])
        assert in_maze.task.scene.geom(f"wall_{i}").margin == 0
