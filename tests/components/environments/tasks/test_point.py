"""The point: Jumanji's checks, C MuJoCo, starts and goals, walls."""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from compiled import task

from components.constraints import SettingError
from components.env_dims import EnvDims
from components.environments.mazes.layouts import LAYOUTS
from components.environments.robot_models.point import RADIUS
from components.environments.tasks.point import point_maze, point_maze_stitching


@pytest.fixture(scope="module")
def step():
    return task(point_maze).step


@pytest.fixture(scope="module")
def start():
    return task(point_maze).start


def test_sizes(point):
    assert point.dims == EnvDims(state=4, goal=2, action=2)
    assert point.task.physics.control_step == pytest.approx(0.2)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_resets(layout, key):
    env = point_maze(layout)
    _, timestep = env.reset(key)
    env.observation_spec.validate(timestep.observation)


def test_settings_are_checked():
    with pytest.raises(SettingError, match="'u_maze'"):
        point_maze(layout="v_maze")
    with pytest.raises(SettingError, match="at least 1"):
        point_maze(episode_length=0)


def test_starts_and_goals(point):
    state, timestep = jax.jit(jax.vmap(point.reset))(jax.random.split(jax.random.key(0), 10_000))
    assert (np.asarray(state.physics_state.qpos) == 4).all()
    velocity = np.asarray(state.physics_state.qvel)
    np.testing.assert_allclose(velocity.mean(axis=0), 0, atol=0.005)
    np.testing.assert_allclose(velocity.std(axis=0), 0.1, atol=0.005)
    cells, counts = np.unique(np.asarray(timestep.observation.goal), axis=0, return_counts=True)
    np.testing.assert_array_equal(cells, point.task.maze.cell_centres("G"))
    # Six standard deviations of a binomial count with mean 1667.
    np.testing.assert_allclose(counts, 10_000 / 6, atol=225)


def test_stitching_starts_at_centres_before_the_goals():
    env = point_maze_stitching(distances=(6,))
    state, timestep = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), 100))
    assert (np.asarray(state.physics_state.qpos) == 4).all()
    assert (np.asarray(timestep.observation.goal) == [12, 4]).all()
    assert np.asarray(state.physics_state.qvel).std() > 0.05


def test_agrees_with_c_mujoco_through_contacts(point, step, start):
    """100 random actions, 60 and more substeps of wall contact, the same open-loop path.

    C solves each step to convergence on the model with every wall; MJX takes one iteration on the
    two nearest walls. With at most two active rows that is exact up to float32 (1e-5 m over 100
    free steps); a contact is met a rounding error earlier or later, which 10 m/s turns into
    centimetres.
    """
    model = point.task.scene
    data = mujoco.MjData(model)
    state = start
    data.qpos, data.qvel = state.physics_state.qpos, state.physics_state.qvel
    rng = np.random.default_rng(0)
    errors, touching = [], []
    for t in range(100):
        action = rng.uniform(-1, 1, 2) if t < 20 else np.sign(rng.uniform(-0.4, 1.6, 2))
        data.ctrl = action
        touching.append(0)
        for _ in range(point.task.physics.substeps):
            mujoco.mj_step(model, data)
            touching[-1] += data.ncon > 0
        state, _ = step(state, jnp.asarray(action, jnp.float32))
        errors.append(np.abs(np.asarray(state.physics_state.qpos) - data.qpos).max())
    first = next(t for t, contacts in enumerate(touching) if contacts)
    assert first > 10
    assert sum(touching) > 60
    assert max(errors[:first]) < 1e-5
    assert max(errors) < 0.05


@pytest.mark.parametrize("action", [(0, 1), (0.4, 1), (-1, -1), (1, 0.02)])
@pytest.mark.parametrize("speed", [0.0, 10.0])
def test_walls_hold_at_full_speed(point, step, start, action, speed):
    """The point stays in the free cells, also when it is fired at a wall."""
    direction = jnp.asarray(action, jnp.float32)
    state = start._replace(
        physics_state=start.physics_state._replace(qvel=jnp.float32(speed) * direction)
    )
    walls = point.task.maze.walls
    deepest, fastest = 0.0, 0.0
    for _ in range(100):
        state, _ = step(state, direction)
        gap = np.abs(np.asarray(state.physics_state.qpos) - walls.centre) - walls.half
        assert (gap.max(axis=1) > 0).all(), "the centre of the point is inside a wall"
        deepest = max(deepest, RADIUS - np.linalg.norm(np.maximum(gap, 0), axis=1).min())
        fastest = max(fastest, np.abs(np.asarray(state.physics_state.qvel)).max())
    assert deepest < 0.1
    assert fastest < 50 / 3


def test_speed_ends_at_force_over_damping(step, start):
    """m v' = 5 a - 0.3 v with m = 1 + 4/3 pi 0.25^3 5, so v(t) = 50/3 (1 - exp(-0.3 t / m))."""
    state = start._replace(
        physics_state=start.physics_state._replace(qvel=jnp.zeros(2, jnp.float32))
    )
    for _ in range(5):
        state, _ = step(state, jnp.asarray([0, 1], jnp.float32))
    mass = 1 + 5 * 4 / 3 * np.pi * RADIUS**3
    expected = 50 / 3 * (1 - np.exp(-0.3 / mass))
    np.testing.assert_allclose(state.physics_state.qvel, [0, expected], atol=0.02)


def test_the_farthest_goal_can_be_reached(step, start):
    """Steered from cell to cell, the point is inside the success radius within 20 s and stays."""
    state = start._replace(goal=jnp.asarray([12, 4], jnp.float32))
    state = task(point_maze).near_the_end(state, 100)
    corridor = [[4, 8], [4, 12], [8, 12], [12, 12], [12, 8], [12, 4]]
    rewards = []
    for t in range(120):
        position, velocity = np.split(np.concatenate(state.physics_state[:2]), 2)
        if len(corridor) > 1 and np.linalg.norm(position - corridor[0]) < 1.0:
            corridor.pop(0)
        action = np.clip(0.4 * (corridor[0] - position) - 0.5 * velocity, -1, 1)
        state, timestep = step(state, jnp.asarray(action, jnp.float32))
        rewards.append(float(timestep.reward))
        assert bool(timestep.last()) is (t >= 99)
    assert rewards[0] == 0
    assert rewards[-20:] == [1.0] * 20
