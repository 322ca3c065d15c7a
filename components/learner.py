"""One actor-critic learner, composed of the words of a gin file.

This is the file that says how a batch becomes a gradient.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key, PyTree

from components.batch import Batch, Replay, make_batch
from components.buffers import Anchors
from components.goals import AbstractRelabelling
from components.gradients import gradient_step, init_optimiser
from components.losses.actor import AbstractActorLoss
from components.spaces import Sizes

Metrics = dict[str, Float[Array, ""]]


class Networks(eqx.Module):
    """Everything of a learner that is trained."""

    actor: PyTree
    critic: PyTree
    temperature: PyTree


class LearnerState(eqx.Module):
    """Networks and the states of their optimisers, under the same names."""

    networks: Networks
    optimisers: Networks


class ActorCritic(eqx.Module):
    """Actor, critic, their losses, entropy temperature, goal relabelling and optimisers.

    Attributes:
        actor: plan of the policy, completed with `sizes` and `key`.
        critic: plan of the critic, likewise.
        critic_loss: maps (critic, batch) to a scalar and metrics.
        actor_loss: see `AbstractActorLoss`.
        temperature: plan of the entropy temperature, completed with `action_size`.
        relabelling: chooses the goal of every transition.
        actor_optimiser: optax transformation of the actor.
        critic_optimiser: optax transformation of the critic.
        temperature_optimiser: optax transformation of the temperature.
    """

    actor: Callable[..., PyTree] = eqx.field(static=True)
    critic: Callable[..., PyTree] = eqx.field(static=True)
    critic_loss: Callable[..., tuple[Array, Metrics]]
    actor_loss: AbstractActorLoss
    temperature: Callable[..., PyTree] = eqx.field(static=True)
    relabelling: AbstractRelabelling
    actor_optimiser: optax.GradientTransformation = eqx.field(static=True)
    critic_optimiser: optax.GradientTransformation = eqx.field(static=True)
    temperature_optimiser: optax.GradientTransformation = eqx.field(static=True)

    def init(self, sizes: Sizes, key: Key[Array, ""]) -> LearnerState:
        """Fresh networks and optimisers for a task of the given sizes."""
        actor_key, critic_key = jax.random.split(key)
        networks = Networks(
            actor=self.actor(sizes=sizes, key=actor_key),
            critic=self.critic(sizes=sizes, key=critic_key),
            temperature=self.temperature(action_size=sizes.action),
        )
        optimisers = Networks(
            actor=init_optimiser(self.actor_optimiser, networks.actor),
            critic=init_optimiser(self.critic_optimiser, networks.critic),
            temperature=init_optimiser(self.temperature_optimiser, networks.temperature),
        )
        return LearnerState(networks, optimisers)

    def batch(self, replay: Replay, anchors: Anchors, key: Key[Array, ""]) -> Batch:
        """The transitions at `anchors` with the goals this learner trains on."""
        return make_batch(replay, anchors, self.relabelling(replay, anchors, key))

    def update(
        self, state: LearnerState, batch: Batch, key: Key[Array, ""]
    ) -> tuple[LearnerState, Metrics]:
        """One gradient step of actor, temperature and critic on one batch, in that order.

        All three see the networks as they were before the step (the order of the reference
        implementations; it matters only for the log-probabilities, which the temperature shares).
        """
        old, optimisers = state.networks, state.optimisers
        actor, actor_optimiser, actor_metrics = self._update_actor(old, optimisers, batch, key)
        log_probs = actor_metrics.pop("log_probs")
        temperature, temperature_optimiser, temperature_metrics = gradient_step(
            lambda temperature: (temperature.loss(log_probs), {}),
            old.temperature,
            self.temperature_optimiser,
            optimisers.temperature,
        )
        critic, critic_optimiser, critic_metrics = gradient_step(
            lambda critic: self.critic_loss(critic, batch),
            old.critic,
            self.critic_optimiser,
            optimisers.critic,
        )
        metrics = {
            "actor_loss": actor_metrics["loss"],
            "actor_grad_norm": actor_metrics["grad_norm"],
            "entropy": -jnp.mean(log_probs),
            "temperature": old.temperature.value(),
            "temperature_loss": temperature_metrics["loss"],
            "critic_loss": critic_metrics.pop("loss"),
            "critic_grad_norm": critic_metrics.pop("grad_norm"),
            **critic_metrics,
        }
        networks = Networks(actor, critic, temperature)
        return LearnerState(
            networks, Networks(actor_optimiser, critic_optimiser, temperature_optimiser)
        ), metrics

    def _update_actor(self, old: Networks, optimisers: Networks, batch: Batch, key: Array):
        temperature = jax.lax.stop_gradient(old.temperature.value())

        def loss(actor):
            value, log_probs = self.actor_loss(actor, old.critic, temperature, batch, key)
            return value, {"log_probs": log_probs}

        return gradient_step(loss, old.actor, self.actor_optimiser, optimisers.actor)


def act(
    actor: PyTree, state: Float[Array, "B n"], goal: Float[Array, "B g"], key: Key[Array, ""]
) -> Float[Array, "B a"]:
    """Actions drawn from the policy, as collected for training."""
    keys = jax.random.split(key, state.shape[0])
    return jax.vmap(lambda s, g, k: actor(s, g).sample(k))(state, goal, keys)


def act_greedily(
    actor: PyTree, state: Float[Array, "B n"], goal: Float[Array, "B g"]
) -> Float[Array, "B a"]:
    """The mode of the policy, as evaluated."""
    return jax.vmap(lambda s, g: actor(s, g).mode())(state, goal)
