"""The ant and its block: the map, starts and goals, C MuJoCo, and a way that can be opened."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ants_in_c import SUBSTEPS, converged, error, largest_error, put, step_in_c
from compiled import task

from components.constraints import SettingError
from components.env_dims import EnvDims
from components.environments.core.physics import Physics
from components.environments.mazes.object_walls import move_both_walls
from components.environments.robot_models.ant_push import (
    BLOCK_COLUMNS,
    BLOCK_HALF,
    ant_push_model,
    ant_push_physics_model,
    core_walls,
)
from components.environments.tasks.ant import STANCE
from components.environments.tasks.ant_push import MAZE, ant_push

# Of the fixed blocks: low x, high x, low y, high y (metres).
FIXED = (
    (-12, 4, 12, 28),
    (4, 12, 20, 28),
    (12, 28, 12, 28),
    (-12, -4, -4, 12),
    (20, 28, 4, 12),
    (12, 28, -12, 4),
    (-12, 12, -12, -4),
)


@pytest.fixture(scope="module")
def env():
    return task(ant_push).env


@pytest.fixture(scope="module")
def step():
    return task(ant_push).step


@pytest.fixture(scope="module")
def anywhere():
    return task(ant_push).start


def beside(ant, block):
    return np.array([*ant, *STANCE[2:], *block], float)


def test_sizes(env):
    assert env.dims == EnvDims(state=31, goal=2, action=8)
    assert env.task.physics.control_step == pytest.approx(0.05)
    # The ant's 7.29 kg and the block's 0.1 kg.
    np.testing.assert_allclose(env.task.scene.body_mass.sum(), 7.39, atol=0.01)


def test_settings_are_checked():
    with pytest.raises(SettingError, match="at least 1"):
        ant_push(episode_length=0)


def test_the_map_is_the_seven_blocks():
    x, y = np.meshgrid(np.arange(-11.5, 28), np.arange(-11.5, 28), indexing="ij")
    fixed = np.any([(a < x) & (x < b) & (c < y) & (y < d) for a, b, c, d in FIXED], axis=0)
    points = np.stack([x, y], axis=-1)[..., None, :]
    walls = MAZE.walls
    inside = (np.abs(points - walls.centre) < walls.half).all(axis=-1).any(axis=-1)
    np.testing.assert_array_equal(inside, fixed)
    np.testing.assert_array_equal(MAZE.cell_centres("R"), [[0, 0]])
    np.testing.assert_array_equal(MAZE.cell_centres("M"), [[8, 8]])


def test_starts_and_goals(env):
    state, timestep = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), 10_000))
    qpos, qvel, goal = (
        np.asarray(x) for x in (*state.physics_state[:2], timestep.observation.goal)
    )
    noise = (qpos - beside((0, 0), (8, 8)))[:, [0, 1, *range(7, 17)]]
    assert np.abs(noise).max() <= 0.1 + 1e-6
    np.testing.assert_allclose(noise.std(axis=0), 0.2 / np.sqrt(12), atol=0.002)
    assert np.abs(qpos[:, 2] - 0.75).max() <= 0.1 + 1e-6
    np.testing.assert_allclose(qvel[:, :14].std(axis=0), 0.1, atol=0.004)
    assert (qvel[:, 14:] == 0).all()
    east = goal[:, 0] > 12
    np.testing.assert_allclose(east.sum(), 5000, atol=300)
    offset = goal - np.where(east[:, None], [16, 8], [8, 16])
    assert offset.min() >= 0
    assert offset.max() <= 2
    for column in offset.T:
        counts, _ = np.histogram(column, bins=8, range=(0, 2))
        np.testing.assert_allclose(counts, 1250, atol=200)


@pytest.mark.parametrize(("gap", "reached"), [(0.49, True), (0.51, False)])
def test_success_within_half_a_metre_of_the_ant(env, gap, reached):
    qpos = jnp.asarray(beside((16 + gap, 8), (8, 16)), jnp.float32)
    state = env.task.observe(env.task.physics.initial_state(qpos, jnp.zeros(16, jnp.float32)))
    np.testing.assert_array_equal(state[29:], [8, 16])
    assert bool(env.success(env.achieved_goal(state), jnp.asarray([16, 8], jnp.float32))) is reached


@pytest.mark.parametrize(("height", "ok"), [(0.19, False), (0.75, True), (1.01, False)])
def test_falls_as_the_ant_does(env, height, ok):
    qpos = jnp.asarray(beside((0, 0), (8, 8)), jnp.float32).at[2].set(height)
    assert (
        bool(env.task.healthy(env.task.physics.initial_state(qpos, jnp.zeros(16, jnp.float32))))
        is ok
    )


def collisions(model, count):
    """Control steps of ants that run into the block, and of blocks that glide into walls."""
    rng = np.random.default_rng(0)
    for i in range(count):
        qpos, qvel = beside((5 + 6 * rng.random(), 3.72), (8, 8)), rng.normal(0, 0.1, 16)
        qvel[1] = 1 + 2 * rng.random()
        if i % 2:
            qpos[15:], qvel[14:] = (16.38, rng.uniform(7.7, 8.3)), (2, rng.normal(0, 0.5))
        yield step_in_c(model, qpos, qvel, rng.uniform(-1, 1, 8))


def test_collisions_agree_with_c_mujoco(step, anywhere):
    """100 states and actions; in C the block is a box among seven boxes.

    In MJX a small sphere stands for it, among larger ones. C has four contacts where a face meets a
    face and MJX has one, so a block that is stopped ends two millimetres apart. Three iterations
    of the solver are enough for half of all steps.
    """
    cases = list(collisions(converged(ant_push_model(MAZE.walls)), 100))
    errors = np.array([error(step, anywhere, case) for case in cases])
    struck = [any("block" in pair and "wall" not in pair for pair in c.touched) for c in cases]
    walled = [frozenset({"block", "wall"}) in case.touched for case in cases]
    assert sum(struck) > 25
    assert sum(walled) > 25
    ant, block = errors[:, :15].max(axis=1), errors[:, 15:].max(axis=1)
    assert np.median(block[struck]) < 1e-5
    assert np.quantile(block, 0.95) < 0.01
    assert block.max() < 0.08
    assert np.median(ant) < 1e-5
    assert np.quantile(ant, 0.95) < 0.06
    assert ant.max() < 0.15


@pytest.mark.slow
def test_converged_mjx_is_c_mujoco():
    """With the solver run to the end, what is left is where the block's core differs from a box."""
    walls = MAZE.walls
    cases = list(collisions(converged(ant_push_model(walls)), 200))
    model = ant_push_physics_model(walls)
    model.opt.iterations, model.opt.ls_iterations = 20, 20
    physics = Physics(
        model, SUBSTEPS, move_both_walls(walls, core_walls(walls), model, BLOCK_COLUMNS)
    )
    free = [case for case in cases if frozenset({"block", "wall"}) not in case.touched]
    assert len(free) > 50
    assert largest_error(physics, free) < 5e-5
    assert largest_error(physics, cases) < 0.02


def test_the_ant_lands_and_stands_and_the_block_rests(step, anywhere):
    qpos = beside((0, 0), (8, 8))
    qpos[2] = 0.75
    state = put(anywhere, qpos)
    for _ in range(20):
        state, timestep = step(state, jnp.zeros(8, jnp.float32))
        assert timestep.discount == 1
    assert 0.45 < state.physics_state.qpos[2] < 0.65
    np.testing.assert_array_equal(state.physics_state.qpos[15:], [8, 8])


def walk(step, state, places, steps, speed=6.0):
    """An ant that is held upright and moved towards one place after another."""
    places = [np.array(place, float) for place in places]
    for _ in range(steps):
        qpos, qvel = np.array(state.physics_state.qpos), np.array(state.physics_state.qvel)
        gap = places[0] - qpos[:2]
        if np.linalg.norm(gap) < 0.4 and len(places) > 1:
            places.pop(0)
        qpos[2:15], qvel[:14] = STANCE[2:], 0
        qvel[:2] = speed * gap / max(np.linalg.norm(gap), 0.5)
        state, timestep = step(put(state, qpos, qvel), jnp.zeros(8, jnp.float32))
        yield np.asarray(state.physics_state.qpos), float(timestep.reward)


@pytest.mark.parametrize("swap", [False, True])
def test_either_goal_is_reached_by_pushing_the_block_out_of_the_way(step, anywhere, swap):
    """North with the block, back, and east; or the other way about.

    Squeezed between an ant of unbounded strength and a wall, the block enters it by centimetres.
    """
    turn = (lambda place: place[::-1]) if swap else (lambda place: place)
    state = put(anywhere, beside(turn((8, 0)), (8, 8)))
    state = state._replace(goal=jnp.asarray(turn((17.8, 9.8)), jnp.float32))
    places = [turn(place) for place in ((8, 11), (8, 8), (17.8, 9.8))]
    path, rewards = zip(*walk(step, state, places, steps=230), strict=True)
    assert rewards[-1] == 1
    block = np.array(path)[:, 15:]
    assert turn(block[-1])[1] > 14
    assert block.max() < 20 - BLOCK_HALF + 0.15


def test_the_block_cannot_be_walked_through(step, anywhere):
    """Pushed against the fixed block behind it, it stays between that and the ant."""
    state = put(anywhere, beside((8, 10), (8, 16.3)))
    for qpos, _ in walk(step, state, [(8, 16)], steps=40, speed=3.0):
        assert qpos[16] < 20 - BLOCK_HALF + 0.15
        assert qpos[1] < 20 - 2 * BLOCK_HALF
