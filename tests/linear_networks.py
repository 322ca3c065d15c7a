"""A critic and a policy whose every number can be worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np

from components.protocols import (
    EnsembleCritic,
    PairCritic,
    Pairs,
    PolicyDistribution,
    StochasticActor,
)


class LinearCritic(EnsembleCritic):
    """Q_k = w_k . (s, a, g), one row of weights per member; an actor is judged by the least."""

    weights: jax.Array

    def values(self, state, action, goal):
        return self.weights @ jnp.concatenate([state, action, goal])

    def __call__(self, state, action, goal):
        return jnp.min(self.values(state, action, goal))

    def network_inputs(self, state, action, goal):  # noqa: ARG002
        return {}


class LinearPairCritic(PairCritic):
    """f = (s, a) W . g."""

    weights: jax.Array

    def __call__(self, state, action, goal):
        return jnp.concatenate([state, action]) @ self.weights @ goal

    def pairs(self, states, actions, goals):
        state_actions = jnp.concatenate([states, actions], axis=1) @ self.weights
        return Pairs(state_actions @ goals.T, state_actions, goals)

    def network_inputs(self, state, action, goal):  # noqa: ARG002
        return {}


class LinearPolicy(StochasticActor):
    """m = V (s, g)."""

    weights: jax.Array

    def __call__(self, state, goal):
        return Action(self.weights @ jnp.concatenate([state, goal]))

    def network_inputs(self, state, action, goal):  # noqa: ARG002
        return {}


class Action(PolicyDistribution):
    """Its mode is m, its sample m / 2 whatever the key, and log pi(a) = 3 sum m - |a - m|^2."""

    m: jax.Array

    def mode(self):
        return self.m

    def sample(self, key):  # noqa: ARG002
        return self.m / 2

    def sample_and_log_prob(self, key):
        action = self.sample(key)
        return action, self.log_prob(action)

    def log_prob(self, action):
        return 3 * jnp.sum(self.m) - jnp.sum(jnp.square(action - self.m))


def rows(*parts):
    """Vectors side by side, in float64."""
    return np.concatenate([np.asarray(part, np.float64) for part in parts], axis=1)


def float32(tree):
    """NumPy arrays as JAX computes with them."""
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), tree)
