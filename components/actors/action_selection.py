"""Rules that select one action from a policy."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from components.constraints import PositiveInt, check
from components.protocols import Actor, Critic


class ActionSelection(eqx.Module):
    """Selects an action of an actor, possibly with the help of a critic.

    Implementations annotate `critic` with the class that they need.
    """

    @abc.abstractmethod
    def __call__(
        self,
        actor: Actor,
        critic: Critic | None,
        state: Float[Array, " n"],
        goal: Float[Array, " g"],
        key: Key[Array, ""],
    ) -> Float[Array, " a"]:
        """Return the action for one state and one goal."""


class Sample(ActionSelection):
    """Samples an action from the policy."""

    def __call__(
        self,
        actor: Actor,
        critic: Critic | None,  # noqa: ARG002
        state: Float[Array, " n"],
        goal: Float[Array, " g"],
        key: Key[Array, ""],
    ) -> Float[Array, " a"]:
        return actor(state, goal).sample(key)


class Mode(ActionSelection):
    """Takes the policy's action without its noise."""

    def __call__(
        self,
        actor: Actor,
        critic: Critic | None,  # noqa: ARG002
        state: Float[Array, " n"],
        goal: Float[Array, " g"],
        key: Key[Array, ""],  # noqa: ARG002
    ) -> Float[Array, " a"]:
        return actor(state, goal).mode()


class BestOf(ActionSelection):
    """Samples `count` actions and takes the one that the critic scores highest."""

    count: int = eqx.field(static=True)

    def __init__(self, count: PositiveInt = 10):
        """Args:
            count: actions sampled.

        Raises:
            SettingError: `count` is not positive.
        """
        check(BestOf, count=count)
        self.count = count

    def __call__(
        self,
        actor: Actor,
        critic: Critic,
        state: Float[Array, " n"],
        goal: Float[Array, " g"],
        key: Key[Array, ""],
    ) -> Float[Array, " a"]:
        policy = actor(state, goal)
        actions = jax.vmap(policy.sample)(jax.random.split(key, self.count))
        values = jax.vmap(lambda action: critic(state, action, goal))(actions)
        return actions[jnp.argmax(values)]


def select_actions(
    selection: ActionSelection,
    actor: Actor,
    critic: Critic | None,
    states: Float[Array, "B n"],
    goals: Float[Array, "B g"],
    key: Key[Array, ""],
) -> Float[Array, "B a"]:
    """Select an action for each state of a batch, with its goal and a random key of its own."""

    def one(state, goal, key):
        return selection(actor, critic, state, goal, key)

    return jax.vmap(one)(states, goals, jax.random.split(key, states.shape[0]))
