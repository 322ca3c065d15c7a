"""After the last timestep comes a first one, whatever the action."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from components.environments.core.auto_reset import step_or_reset
from components.environments.core.goal_environment import GoalEnvironment


@pytest.fixture(scope="module")
def play(bead):
    """30 timesteps of 3 environments side by side under full throttle."""
    step = jax.vmap(partial(step_or_reset, bead))
    action = jnp.ones((3, 1), jnp.float32)

    def one(carry, _):
        carry = step(*carry, action, carry[0].key)
        return carry, carry

    start = jax.vmap(bead.reset)(jax.random.split(jax.random.key(0), 3))
    return jax.jit(lambda: jax.lax.scan(one, start, None, 30)[1])()


def test_episodes_follow_each_other(play):
    # The bead passes 2 m on its sixth step, which is also the last that the time limit allows.
    _, timestep = play
    np.testing.assert_array_equal(
        np.asarray(timestep.step_type)[:14, 0], [1, 1, 1, 1, 1, 2, 0, 1, 1, 1, 1, 1, 2, 0]
    )


def test_a_fresh_episode_starts_at_step_zero_with_no_reward(play):
    state, timestep = play
    first = np.asarray(timestep.first())
    assert first.any()
    assert (np.asarray(state.step)[first] == 0).all()
    assert (np.asarray(timestep.reward)[first] == 0).all()
    assert (np.asarray(timestep.discount)[first] == 1).all()
    assert (np.asarray(timestep.observation.state)[first] == 0).all()


def test_the_key_changes_with_each_episode_only(play):
    state, timestep = play
    keys = np.asarray(jax.random.key_data(state.key))[:, 0]
    first = np.asarray(timestep.first())[:, 0]
    changed = (keys[1:] != keys[:-1]).any(axis=-1)
    np.testing.assert_array_equal(changed, first[1:])


def test_the_last_observation_of_an_episode_is_its_own(play):
    _, timestep = play
    last = np.asarray(timestep.last())
    np.testing.assert_allclose(np.asarray(timestep.observation.state)[last][:, 0], 2.1, atol=1e-5)


def test_the_robot_is_observed_once(bead):
    """Kinematics, where an observation needs them, are computed for the reset or the step alone."""
    observed = []

    def observe(state):
        observed.append(state)
        return jnp.concatenate([state.qpos, state.qvel])

    env = GoalEnvironment(replace(bead.task, observe=observe))
    state, timestep = jax.eval_shape(env.reset, jax.random.key(0))
    observed.clear()
    jax.eval_shape(
        partial(step_or_reset, env), state, timestep, jnp.ones(1, jnp.float32), jax.random.key(1)
    )
    assert len(observed) == 1
