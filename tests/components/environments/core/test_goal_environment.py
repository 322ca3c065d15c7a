"""The rules of an episode, on a bead on a wire (x'' = 10 a, step 0.1 s: x = 0.1, 0.3, 0.6, 1.0
...)."""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jumanji.types import StepType

from components.env_dims import EnvDims
from components.environments.core.goal_environment import GoalEnvironment
from components.environments.core.task import Control
from components.environments.tasks.point import point_maze

FULL = jnp.ones(1, jnp.float32)
REST = jnp.zeros(1, jnp.float32)


def roll(step, state, actions):
    timesteps = []
    for action in actions:
        state, timestep = step(state, action)
        timesteps.append(timestep)
    return state, timesteps


def test_first_timestep(bead, key):
    state, timestep = bead.reset(key)
    assert timestep.first()
    assert timestep.reward == 0
    assert timestep.discount == 1
    assert state.step == 0
    assert timestep.extras["distance"] == 1
    assert not timestep.extras["success"]
    np.testing.assert_array_equal(timestep.observation.state, [0, 0])
    np.testing.assert_array_equal(timestep.observation.goal, [1])


def test_reward_is_success_after_the_step_and_success_ends_nothing(bead, bead_step, key):
    _, timesteps = roll(bead_step, bead.reset(key)[0], [FULL] * 4)
    x = np.array([t.observation.state[0] for t in timesteps])
    np.testing.assert_allclose(x, [0.1, 0.3, 0.6, 1.0], atol=1e-5)
    np.testing.assert_array_equal([t.reward for t in timesteps], [0, 0, 1, 1])
    np.testing.assert_allclose(
        [t.extras["distance"] for t in timesteps], [0.9, 0.7, 0.4, 0.0], atol=1e-5
    )
    assert all(t.mid() and t.discount == 1 for t in timesteps)


@pytest.mark.parametrize(("distance", "inside"), [(0.49, True), (0.5, False), (0.51, False)])
def test_success_is_strictly_inside_the_radius(bead, distance, inside):
    goal = jnp.asarray([distance], jnp.float32)
    assert bool(bead.success(REST, goal)) is inside


def test_goal_functions_work_on_any_leading_axes(point):
    state = jnp.arange(24, dtype=jnp.float32).reshape(2, 3, 4)
    achieved = point.achieved_goal(state)
    np.testing.assert_array_equal(achieved, state[..., :2])
    goal = achieved + jnp.asarray([3.0, 4.0], jnp.float32)[None, None]
    np.testing.assert_allclose(point.distance(achieved, goal), np.full((2, 3), 5.0))
    assert not point.success(achieved, goal).any()


def test_time_limit_truncates(bead, bead_step, key):
    _, timesteps = roll(bead_step, bead.reset(key)[0], [REST] * 6)
    assert [int(t.step_type) for t in timesteps] == [1, 1, 1, 1, 1, 2]
    np.testing.assert_array_equal([t.discount for t in timesteps], np.ones(6))


def test_a_fall_terminates_also_on_the_step_of_the_time_limit(bead, bead_step, key):
    state, _ = bead.reset(key)
    physics_state = state.physics_state._replace(qvel=jnp.asarray([30.0], jnp.float32))
    for step in (0, 5):
        fallen, timestep = bead_step(
            state._replace(physics_state=physics_state, step=jnp.int32(step)), REST
        )
        assert fallen.physics_state.qpos[0] > 2
        assert timestep.step_type == StepType.LAST
        assert timestep.discount == 0


def test_non_finite_physics_terminates_and_is_never_seen(bead, bead_step, key):
    state, _ = bead.reset(key)
    broken, timestep = bead_step(state, jnp.full(1, jnp.nan, jnp.float32))
    assert timestep.last()
    assert timestep.discount == 0
    assert timestep.extras["nonfinite"]
    assert not bead_step(state, FULL)[1].extras["nonfinite"]
    chex.assert_tree_all_finite((broken.physics_state, timestep))


def test_actions_are_clipped(bead, bead_step, key):
    state, _ = bead.reset(key)
    strong, _ = bead_step(state, 7 * FULL)
    full, _ = bead_step(state, FULL)
    np.testing.assert_array_equal(strong.physics_state.qpos, full.physics_state.qpos)


def test_every_reset_differs_and_the_same_key_repeats(point):
    reset = jax.jit(jax.vmap(point.reset))
    keys = jax.random.split(jax.random.key(0), 64)
    state, _ = reset(keys)
    assert len(np.unique(np.asarray(state.physics_state.qvel), axis=0)) == 64
    assert len(np.unique(np.asarray(state.goal), axis=0)) == 6
    again, _ = reset(keys)
    np.testing.assert_array_equal(state.physics_state.qvel, again.physics_state.qvel)
    fresh, _ = reset(state.key)
    assert (np.asarray(fresh.physics_state.qvel) != np.asarray(state.physics_state.qvel)).all()


def test_can_be_made_while_tracing():
    """Nothing made then leaks out: the physics keeps NumPy arrays only."""
    made = []

    @jax.jit
    def trace(x):
        made.append(point_maze("u_maze"))
        made[0].task.physics._simulation()
        return x

    trace(REST)
    simulation = made[0].task.physics._simulation()
    leaves = jax.tree.leaves((simulation.model, simulation.template))
    assert all(isinstance(leaf, np.ndarray) for leaf in leaves)


def test_a_task_may_map_actions_move_its_goal_and_judge_for_itself(bead, key):
    task = dataclasses.replace(
        bead.task,
        control=Control(2, lambda _body, action: 0.5 * action[1:]),
        moving_goal=lambda goal, state: goal + state.qpos,
        distance=lambda achieved, goal: jnp.abs(achieved - goal)[..., 0] / 2,
        success=lambda achieved, goal: achieved[..., 0] > goal[..., 0],
    )
    env = GoalEnvironment(task)
    assert env.dims == EnvDims(2, 1, 2)
    state, _ = env.reset(key)
    state, timestep = env.step(state, jnp.asarray([-1.0, 1.0], jnp.float32))
    np.testing.assert_allclose(timestep.observation.state[0], 0.05, atol=1e-6)
    np.testing.assert_allclose(timestep.observation.goal, [1.05], atol=1e-6)
    np.testing.assert_allclose(timestep.extras["distance"], 0.5, atol=1e-6)
    assert not timestep.extras["success"]
    assert env.success(FULL, REST)


def test_the_robot_is_observed_at_rest_at_other_positions(point, key):
    state, _ = point.reset(key)
    assert np.abs(state.physics_state.qvel).max() > 0
    positions = jnp.array([[4.0, 4.0], [4.0, 8.0]])
    np.testing.assert_allclose(
        point.states_at_positions(state, positions), [[4, 4, 0, 0], [4, 8, 0, 0]], atol=1e-6
    )
