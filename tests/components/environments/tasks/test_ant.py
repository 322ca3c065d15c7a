"""The ant, free and in a maze: Jumanji's checks, C MuJoCo, starts and goals, standing."""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from ants_in_c import converged, error, put, step_in_c
from compiled import task

from components.constraints import SettingError
from components.env_dims import EnvDims
from components.environments.core.physics import Physics, PhysicsState
from components.environments.mazes.corridors import corridor_path
from components.environments.mazes.layouts import LAYOUTS, make_maze
from components.environments.mazes.walls import first_walls, move_nearest_walls
from components.environments.robot_models.ant import TIP_RADIUS, ant_model
from components.environments.tasks.ant import STANCE, ant, ant_maze, ant_maze_stitching


@pytest.fixture(scope="module")
def step():
    return task(ant).step


@pytest.fixture(scope="module")
def start():
    return task(ant).start


@pytest.fixture(scope="module")
def maze_step():
    return task(ant_maze).step


@pytest.fixture(scope="module")
def maze_start():
    return task(ant_maze).start


def states_beside_walls(count):
    """Ants standing, turned and moving about 0.7 m from the walls of the u-maze."""
    rng = np.random.default_rng(1)
    qpos = np.tile(np.array(STANCE, float), (count, 1))
    qpos[:, 0] = rng.uniform(2.6, 3.0, count)
    qpos[:, 1] = rng.uniform(2.7, 13, count)
    qpos[:, 2] = rng.uniform(0.5, 0.7, count)
    yaw = rng.uniform(-np.pi, np.pi, count)
    qpos[:, 3], qpos[:, 6] = np.cos(yaw / 2), np.sin(yaw / 2)
    return qpos, rng.normal(0, 0.5, (count, 14)), rng.uniform(-1, 1, (count, 8))


def test_sizes(free_ant, maze_ant):
    for env in (free_ant, maze_ant):
        assert env.dims == EnvDims(state=29, goal=2, action=8)
        assert env.task.physics.control_step == pytest.approx(0.05)


def test_settings_are_checked():
    with pytest.raises(SettingError, match="'big_maze'"):
        ant_maze(layout="bigmaze")
    with pytest.raises(SettingError, match="'around_goal'"):
        ant(start="circle")


def test_robot_is_gymnasiums_with_other_contacts(free_ant):
    model = free_ant.task.scene
    np.testing.assert_allclose(model.body_subtreemass[0], 0.911, atol=5e-4)
    assert (model.nq, model.nv, model.nu) == (15, 14, 8)
    joints = [model.joint(i).name for i in model.actuator_trnid[:, 0]]
    assert joints == [f"{part}_{leg}" for leg in (4, 1, 2, 3) for part in ("hip", "ankle")]
    np.testing.assert_array_equal(model.actuator_gear[:, 0], 150)


def test_free_starts_and_goals(free_ant):
    state, timestep = jax.jit(jax.vmap(free_ant.reset))(jax.random.split(jax.random.key(0), 10_000))
    qpos, goal = np.asarray(state.physics_state.qpos), np.asarray(timestep.observation.goal)
    noise = (qpos - np.array(STANCE))[:, [0, 1, 2, *range(7, 15)]]
    assert np.abs(noise).max() <= 0.1 + 1e-6
    np.testing.assert_allclose(noise.std(axis=0), 0.2 / np.sqrt(12), atol=0.002)
    np.testing.assert_allclose(np.linalg.norm(qpos[:, 3:7], axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.asarray(state.physics_state.qvel).std(axis=0), 0.1, atol=0.004)
    np.testing.assert_allclose(np.linalg.norm(goal, axis=1), 10, atol=1e-5)
    angle = np.arctan2(goal[:, 1], goal[:, 0])
    counts, _ = np.histogram(angle, bins=8, range=(-np.pi, np.pi))
    np.testing.assert_allclose(counts, 1250, atol=200)


def test_starts_on_a_circle_around_the_goal():
    env = ant(start="around_goal")
    state, timestep = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), 10_000))
    goal = np.asarray(timestep.observation.goal)
    np.testing.assert_allclose(np.linalg.norm(goal, axis=1), 10, atol=1e-5)
    apart = np.asarray(state.physics_state.qpos)[:, :2] - goal
    assert np.abs(np.linalg.norm(apart, axis=1) - 10).max() <= np.sqrt(2) * 0.1 + 1e-5
    for direction in (goal, apart):
        angle = np.arctan2(direction[:, 1], direction[:, 0])
        counts, _ = np.histogram(angle, bins=8, range=(-np.pi, np.pi))
        np.testing.assert_allclose(counts, 1250, atol=200)
    # Independent directions: the sine and cosine of one tell nothing of the other's.
    correlation = np.corrcoef(np.concatenate([goal, apart], axis=1).T)[:2, 2:]
    assert np.abs(correlation).max() < 0.06


def test_stitching_starts_on_exact_centres_with_other_noise():
    env = ant_maze_stitching("u2_maze", distances=(1, 4))
    state, timestep = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), 10_000))
    path = corridor_path(make_maze("u2_maze"))
    qpos, goal = np.asarray(state.physics_state.qpos), np.asarray(timestep.observation.goal)
    first = (qpos[:, None, :2] == path).all(axis=2).argmax(axis=1)
    last = (goal[:, None] == path).all(axis=2).argmax(axis=1)
    np.testing.assert_array_equal(qpos[:, :2], path[first])
    np.testing.assert_array_equal(goal, path[last])
    ahead, counts = np.unique(last - first, return_counts=True)
    np.testing.assert_array_equal(ahead, [1, 4])
    np.testing.assert_allclose(counts, 5000, atol=300)
    noise = (qpos - np.array(STANCE))[:, [2, *range(7, 15)]]
    assert np.abs(noise).max() <= 0.1 + 1e-6
    np.testing.assert_allclose(noise.std(axis=0), 0.2 / np.sqrt(12), atol=0.002)


def test_every_layout_can_be_had():
    for layout in LAYOUTS:
        assert ant_maze(layout).task.maze == make_maze(layout)


@pytest.mark.parametrize("layout", ["u_maze", "u4_maze_eval", "hardest_maze"])
def test_maze_starts_and_goals(layout):
    env = ant_maze(layout)
    state, timestep = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), 1000))
    start = np.asarray(state.physics_state.qpos)[:, :2] - env.task.maze.cell_centres("R")[0]
    assert np.abs(start).max() <= 0.1 + 1e-5
    cells = np.unique(np.asarray(timestep.observation.goal), axis=0)
    np.testing.assert_array_equal(cells, env.task.maze.cell_centres("G"))


@pytest.mark.parametrize(
    ("height", "ok"), [(0.19, False), (0.21, True), (0.99, True), (1.01, False)]
)
def test_healthy_between_twenty_centimetres_and_a_metre(free_ant, height, ok):
    qpos = jnp.asarray(STANCE, jnp.float32).at[2].set(height)
    physics_state = free_ant.task.physics.initial_state(qpos, jnp.zeros(14, jnp.float32))
    assert bool(free_ant.task.healthy(physics_state)) is ok


def test_falling_ant_agrees_with_c_mujoco(free_ant, step, start):
    """Before the first contact nothing but float32 rounding tells them apart."""
    model = free_ant.task.scene
    data = mujoco.MjData(model)
    qpos = np.array(STANCE, float)
    qpos[2] = 2.0
    data.qpos = qpos
    state = put(start, qpos)
    rng = np.random.default_rng(0)
    for _ in range(10):
        # Small, so that no joint meets its limit.
        action = 0.02 * rng.uniform(-1, 1, 8)
        data.ctrl = action
        for _ in range(5):
            mujoco.mj_step(model, data)
            assert data.nefc == 0
        state, _ = step(state, jnp.asarray(action, jnp.float32))
        np.testing.assert_allclose(state.physics_state.qpos, data.qpos, atol=2e-6)
    assert data.qpos[2] < 0.9


def test_struggling_ant_agrees_with_c_mujoco(step, start):
    """100 control steps under random actions, each compared from the same state.

    Two iterations of Newton's method are enough for half of all steps; for the others (joints
    thrown against their limits by 150 N m) what is left of the solver's error is centimetres per
    step.
    """
    model = converged(ant_model())
    state = put(start, STANCE)
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(100):
        action = rng.uniform(-1, 1, 8)
        case = step_in_c(model, state.physics_state.qpos, state.physics_state.qvel, action)
        state, _ = step(state, jnp.asarray(action, jnp.float32))
        errors.append(np.abs(np.asarray(state.physics_state.qpos) - case.after).max())
    assert np.median(errors) < 1e-5
    assert np.quantile(errors, 0.95) < 0.03
    assert max(errors) < 0.15


def test_ant_beside_walls_agrees_with_c_mujoco(maze_ant, maze_step, maze_start):
    """100 random states and actions; C has every wall of the maze, MJX the two nearest.

    Where two iterations of the solver were enough the states are equal, so the walls are.
    """
    model = converged(ant_model(maze_ant.task.maze.walls))
    errors, walls = [], []
    for qpos, qvel, action in zip(*states_beside_walls(100), strict=True):
        case = step_in_c(model, qpos, qvel, action)
        errors.append(error(maze_step, maze_start, case).max())
        walls.append(any("wall" in pair for pair in case.touched))
    beside = np.array(errors)[np.array(walls)]
    assert len(beside) > 30
    assert np.quantile(beside, 0.25) < 1e-5
    assert np.quantile(beside, 0.95) < 0.05
    assert max(errors) < 0.15


@pytest.mark.slow
def test_converged_mjx_beside_walls_is_c_mujoco(maze_ant):
    """With the solver run to the end, float32 rounding is all that is left."""
    walls = maze_ant.task.maze.walls
    model = ant_model(first_walls(walls))
    model.opt.iterations, model.opt.ls_iterations = 20, 20
    advance = jax.jit(jax.vmap(Physics(model, 5, move_nearest_walls(walls, model)).apply_control))
    qpos, qvel, action = states_beside_walls(200)
    zero = np.zeros_like
    start = (jnp.asarray(x, jnp.float32) for x in (qpos, qvel, zero(qvel), zero(action)))
    physics_state = advance(PhysicsState(*start), jnp.asarray(action, jnp.float32))
    scene = converged(ant_model(walls))
    expected = [step_in_c(scene, *row).after for row in zip(qpos, qvel, action, strict=True)]
    np.testing.assert_allclose(physics_state.qpos, expected, atol=5e-5)


def test_standing_ant_stands_and_does_not_sink(free_ant, step, start):
    model = free_ant.task.scene
    data = mujoco.MjData(model)
    feet = [i for i in range(model.ngeom) if model.geom(i).name.startswith("foot")]
    assert len(feet) == 4
    state = put(start, STANCE)
    for t in range(20):
        state, timestep = step(state, jnp.zeros(8, jnp.float32))
        data.qpos = state.physics_state.qpos
        mujoco.mj_kinematics(model, data)
        heights = data.geom_xpos[feet, 2] - TIP_RADIUS
        assert (np.abs(heights) < 0.01).all() or t < 2
        assert timestep.discount == 1
    assert 0.45 < state.physics_state.qpos[2] < 0.65


def test_walls_stop_a_running_ant(maze_step, maze_start):
    """Thrown at 5 m/s against the wall at x = 2, the torso stays out of it."""
    qpos, qvel = np.array(STANCE, float), np.zeros(14)
    qpos[:2], qvel[0] = (4.0, 4.0), -5.0
    state = put(maze_start, qpos, qvel)
    nearest_x = 4.0
    for _ in range(20):
        state, _ = maze_step(state, jnp.zeros(8, jnp.float32))
        nearest_x = min(nearest_x, float(state.physics_state.qpos[0]))
    assert 2.2 < nearest_x < 3.2
