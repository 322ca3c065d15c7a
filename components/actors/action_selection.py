"""How a policy's distribution becomes the action that is taken."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from components.constraints import PositiveInt, check


class AbstractActing(eqx.Module):
    """Chooses an action from an actor, and from a critic where it asks one."""

    @abc.abstractmethod
    def __call__(
        self,
        actor: PyTree,
        critic: PyTree,
        state: Float[Array, " n"],
        goal: Float[Array, " g"],
        key: Key[Array, ""],
    ) -> Float[Array, " a"]:
        """The action in one state with one goal."""


class Sample(AbstractActing):
    """An action drawn from the policy."""

    def __call__(
        self,
        actor: PyTree,
        critic: PyTree,  # noqa: ARG002
        state: Float[Array, " n"],
        goal: Float[Array, " g"],
        key: Key[Array, ""],
    ) -> Float[Array, " a"]:
        return actor(state, goal).sample(key)


class Mode(AbstractActing):
    """The policy's action without its noise."""

    def __call__(
        self,
        actor: PyTree,
        critic: PyTree,  # noqa: ARG002
        state: Float[Array, " n"],
        goal: Float[Array, " g"],
        key: Key[Array, ""],  # noqa: ARG002
    ) -> Float[Array, " a"]:
        return actor(state, goal).mode()


class BestOf(AbstractActing):
    """The best by the critic of several actions drawn from the policy."""

    count: int = eqx.field(static=True)

    def __init__(self, count: PositiveInt = 10):
        """Args:
            count: actions drawn.

        Raises:
            SettingError: `count` is not positive.
        """
        check(BestOf, count=count)
        self.count = count

    def __call__(
        self,
        actor: PyTree,
        critic: PyTree,
        state: Float[Array, " n"],
        goal: Float[Array, " g"],
        key: Key[Array, ""],
    ) -> Float[Array, " a"]:
        policy = actor(state, goal)
        actions = jax.vmap(policy.sample)(jax.random.split(key, self.count))
        values = jax.vmap(lambda action: critic(state, action, goal))(actions)
        return actions[jnp.argmax(values)]


def act(
    acting: AbstractActing,
    actor: PyTree,
    critic: PyTree,
    states: Float[Array, "B n"],
    goals: Float[Array, "B g"],
    key: Key[Array, ""],
) -> Float[Array, "B a"]:
    """The actions of a batch of states, each with its goal and random numbers of its own."""

    def one(state, goal, key):
        return acting(actor, critic, state, goal, key)

    return jax.vmap(one)(states, goals, jax.random.split(key, states.shape[0]))
