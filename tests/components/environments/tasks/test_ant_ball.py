"""The ant and its ball: starts and goals, C MuJoCo, walls, and a ball that can be brought home."""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from ants_in_c import SUBSTEPS, converged, error, largest_error, put, step_in_c, touching
from compiled import task

from components.constraints import SettingError
from components.env_dims import EnvDims
from components.environments.core.physics import Physics
from components.environments.mazes.layouts import BALL_LAYOUTS
from components.environments.mazes.object_walls import move_both_walls
from components.environments.robot_models.ant_ball import (
    BALL_COLUMNS,
    BALL_RADIUS,
    ant_ball_model,
    ant_ball_physics_model,
)
from components.environments.tasks.ant import STANCE
from components.environments.tasks.ant_ball import ant_ball, ant_ball_maze

RESETS = 10_000


@pytest.fixture(scope="module")
def open_floor():
    return task(ant_ball).env


@pytest.fixture(scope="module")
def in_maze():
    return task(ant_ball_maze).env


@pytest.fixture(scope="module")
def step():
    return task(ant_ball_maze).step


@pytest.fixture(scope="module")
def anywhere():
    return task(ant_ball_maze).start


def starts(env):
    """qpos, qvel and goals of many resets."""
    state, timestep = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), RESETS))
    return (np.asarray(x) for x in (*state.physics_state[:2], timestep.observation.goal))


def beside(ant, ball, speed=(0, 0)):
    """Positions and velocities of a standing ant and a ball that moves."""
    return np.array([*ant, *STANCE[2:], *ball], float), np.array([*np.zeros(14), *speed], float)


def test_sizes(open_floor, in_maze):
    for env in (open_floor, in_maze):
        assert env.dims == EnvDims(state=31, goal=2, action=8)
        assert env.task.physics.control_step == pytest.approx(0.05)


def test_settings_are_checked():
    with pytest.raises(SettingError, match="'big_maze'"):
        ant_ball_maze(layout="hardest_maze")


def test_the_achieved_goal_is_where_the_ball_is(open_floor):
    physics_state = open_floor.task.physics.initial_state(
        jnp.arange(17, dtype=jnp.float32), 100 + jnp.arange(16, dtype=jnp.float32)
    )
    state = open_floor.task.observe(physics_state)
    np.testing.assert_array_equal(state, [*range(15), *range(100, 114), 15, 16])
    np.testing.assert_array_equal(open_floor.achieved_goal(state), [15, 16])


@pytest.mark.parametrize(("gap", "reached"), [(0.49, True), (0.51, False)])
def test_success_within_half_a_metre_of_the_ball(open_floor, gap, reached):
    qpos, qvel = beside(ant=(3, 0), ball=(3 * gap / 5, 4 * gap / 5))
    physics_state = open_floor.task.physics.initial_state(
        *(jnp.asarray(x, jnp.float32) for x in (qpos, qvel))
    )
    achieved = open_floor.achieved_goal(open_floor.task.observe(physics_state))
    assert bool(open_floor.success(achieved, jnp.zeros(2, jnp.float32))) is reached


@pytest.mark.parametrize(("height", "ok"), [(0.19, False), (0.21, True), (1.01, False)])
def test_falls_as_the_ant_does(open_floor, height, ok):
    qpos, qvel = beside((0, 0), (2, 0))
    qpos[2] = height
    physics_state = open_floor.task.physics.initial_state(
        *(jnp.asarray(x, jnp.float32) for x in (qpos, qvel))
    )
    assert bool(open_floor.task.healthy(physics_state)) is ok


def test_open_starts_and_goals(open_floor):
    qpos, qvel, goal = starts(open_floor)
    np.testing.assert_allclose(np.linalg.norm(goal, axis=1), 5, atol=1e-5)
    counts, _ = np.histogram(np.arctan2(goal[:, 1], goal[:, 0]), bins=8, range=(-np.pi, np.pi))
    np.testing.assert_allclose(counts, RESETS / 8, atol=200)
    ball = qpos[:, 15:]
    offset = ball - 0.2 * goal
    np.testing.assert_allclose(np.linalg.norm(offset, axis=1), 1, atol=1e-5)
    phi, theta = (np.arctan2(v[:, 1], v[:, 0]) for v in (offset, goal))
    turn = (phi - theta + np.pi) % (2 * np.pi) - np.pi
    widest = 2 * np.arccos(0.75)
    counts, _ = np.histogram(turn, bins=8, range=(-widest, widest))
    assert counts.sum() == RESETS
    np.testing.assert_allclose(counts, RESETS / 8, atol=200)
    assert np.linalg.norm(ball, axis=1).min() > 1.5 - 1e-4
    assert np.linalg.norm(ball - goal, axis=1).min() > 3 - 1e-4
    assert (qvel[:, 14:] == 0).all()
    np.testing.assert_allclose(qvel[:, :14].std(axis=0), 0.1, atol=0.004)
    assert np.abs(qpos[:, :2]).max() <= 0.1 + 1e-6


def test_no_ball_starts_inside_the_ant(open_floor):
    model = open_floor.task.scene
    data = mujoco.MjData(model)
    qpos, _, _ = starts(open_floor)
    for row in qpos[:2000]:
        data.qpos = row
        mujoco.mj_fwdPosition(model, data)
        assert not any("ball" in pair for pair in touching(model, data))


@pytest.mark.parametrize("layout", BALL_LAYOUTS)
def test_maze_starts_and_goals(layout):
    env = ant_ball_maze(layout)
    where = env.task.maze
    qpos, qvel, goal = starts(env)
    assert np.abs(qpos[:, :2] - where.cell_centres("R")).max() <= 0.1 + 1e-5
    balls, goals = where.cell_centres("B"), where.cell_centres("G")
    pairs = ((qpos[:, 15:], balls), (goal, goals))
    which = [(places[:, None] == cells).all(axis=2) for places, cells in pairs]
    assert all(found.any(axis=1).all() for found in which)
    # All pairs, equally often: ball and goal are independent. Six standard deviations.
    counts = np.einsum("nb,ng->bg", *(found.astype(int) for found in which))
    mean = RESETS / counts.size
    np.testing.assert_allclose(counts, mean, atol=6 * np.sqrt(mean))
    assert (qvel[:, 14:] == 0).all()


def test_the_layouts_have_their_numbers_of_cells():
    found = {
        layout: [len(ant_ball_maze(layout).task.maze.cell_centres(letter)) for letter in "RBG"]
        for layout in BALL_LAYOUTS
    }
    assert found == {"u_maze": [1, 1, 5], "big_maze": [1, 2, 20]}


def collisions(model, count):
    """Control steps in the u-maze: balls rolled at the ant from all sides, or at the walls."""
    rng = np.random.default_rng(0)
    for i in range(count):
        angle = rng.uniform(-np.pi, np.pi)
        away = np.array([np.cos(angle), np.sin(angle)])
        if i % 2:
            qpos, qvel = beside((4, 8), (4, 8) + 1.1 * away, -2 * away)
        else:
            qpos, qvel = beside((4, 6), rng.uniform([2.45, 11], [2.6, 13.5]), (-2, 2 * away[1]))
        qvel[:14] = rng.normal(0, 0.1, 14)
        yaw = rng.uniform(-np.pi, np.pi)
        qpos[3], qpos[6] = np.cos(yaw / 2), np.sin(yaw / 2)
        yield step_in_c(model, qpos, qvel, rng.uniform(-1, 1, 8))


def test_collisions_agree_with_c_mujoco(in_maze, step, anywhere):
    """100 states and actions; C has every wall of the maze, MJX two for the ant, two for the ball.

    From a cold start on four feet, two iterations of the solver leave up to centimetres of the ant,
    as without a ball, and millimetres of the ball.
    """
    cases = list(collisions(converged(ant_ball_model(in_maze.task.maze.walls)), 100))
    errors = np.array([error(step, anywhere, case) for case in cases])
    struck = [any("ball" in pair and "wall" not in pair for pair in c.touched) for c in cases]
    walled = [frozenset({"ball", "wall"}) in case.touched for case in cases]
    assert sum(struck) > 25
    assert sum(walled) > 25
    ant, ball = errors[:, :15].max(axis=1), errors[:, 15:].max(axis=1)
    for kind in (struck, walled):
        assert np.median(ball[kind]) < 2e-3
        assert ball[kind].max() < 0.02
    assert np.median(ball) < 1e-5
    assert np.quantile(ant, 0.95) < 0.03
    assert ant.max() < 0.15


@pytest.mark.slow
def test_converged_mjx_is_c_mujoco(in_maze):
    """With the solver run to the end, float32 rounding is all that is left."""
    walls = in_maze.task.maze.walls
    cases = list(collisions(converged(ant_ball_model(walls)), 200))
    model = ant_ball_physics_model(walls)
    model.opt.iterations, model.opt.ls_iterations = 20, 20
    physics = Physics(model, SUBSTEPS, move_both_walls(walls, walls, model, BALL_COLUMNS))
    assert largest_error(physics, cases) < 5e-5


def test_the_ball_glides_on_and_the_ant_keeps_standing(step, anywhere):
    state = put(anywhere, *beside(ant=(4, 4), ball=(12, 12), speed=(0, -2)))
    for _ in range(20):
        state, timestep = step(state, jnp.zeros(8, jnp.float32))
        assert timestep.discount == 1
    np.testing.assert_allclose(state.physics_state.qpos[15:], [12, 10], atol=1e-4)
    assert 0.45 < state.physics_state.qpos[2] < 0.65


@pytest.mark.parametrize("speed", [(0, 10), (-10, 0), (-7, 7)])
def test_walls_hold_the_ball_at_full_speed(in_maze, step, anywhere, speed):
    walls = in_maze.task.maze.walls
    state = put(anywhere, *beside(ant=(12, 4), ball=(4, 11), speed=speed))
    deepest = 0.0
    for _ in range(20):
        state, _ = step(state, jnp.zeros(8, jnp.float32))
        gap = np.abs(np.asarray(state.physics_state.qpos[15:]) - walls.centre) - walls.half
        assert (gap.max(axis=1) > 0).all(), "the centre of the ball is inside a wall"
        deepest = max(deepest, BALL_RADIUS - np.linalg.norm(np.maximum(gap, 0), axis=1).min())
    assert 0 < deepest < 0.2


def carry(step, state, velocity):
    """One step of an ant that is held upright and moved over the floor (vx, vy in m/s)."""
    qpos, qvel = np.array(state.physics_state.qpos), np.array(state.physics_state.qvel)
    qpos[2:15], qvel[:14] = STANCE[2:], [*velocity, *np.zeros(12)]
    return step(put(state, qpos, qvel), jnp.zeros(8, jnp.float32))


def test_a_ball_can_be_pushed_to_its_goal(step, anywhere):
    """From the corner of the u-maze down the next passage, by an ant that walks behind it."""
    state = put(anywhere, *beside(ant=(3, 12), ball=(4, 12)))
    state = state._replace(goal=jnp.asarray([8, 12], jnp.float32))
    rewards = []
    for _ in range(70):
        state, timestep = carry(step, state, (4, 0))
        rewards.append(float(timestep.reward))
    assert rewards[0] == 0
    assert rewards.count(1) >= 2


@pytest.mark.parametrize("layout", BALL_LAYOUTS)
def test_a_way_wide_enough_leads_from_every_ball_to_every_goal(layout):
    """Passages are 4 m wide; the ball takes 1 m of that and leaves 2 m for the ant behind it."""
    where = ant_ball_maze(layout).task.maze
    reached = {tuple(cell) for cell in np.argwhere(where.grid == "B").tolist()[:1]}
    for _ in range(where.grid.size):
        around = {(i + a, j + b) for i, j in reached for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1))}
        reached |= {cell for cell in around if where.grid[cell] != "#"}
    assert reached == {tuple(cell) for cell in np.argwhere(where.grid != "#").tolist()}
