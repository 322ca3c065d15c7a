"""The learner of most algorithms: an actor, a critic, their losses and optimisers."""

from collections.abc import Callable
from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key, PyTree

from components.actors.action_selection import ActionSelection, Mode, Sample
from components.compatibility import require_fit
from components.constraints import MoreThan, PositiveInt, SettingError, check, require_together
from components.env_dims import EnvDims
from components.learners.gradient_step import (
    guarded,
    init_optimiser,
    step_network,
    step_network_on_batch,
)
from components.learners.policy_learner import PolicyLearner
from components.learners.target_networks import Polyak, Targets
from components.optimisers.rated import NetworkRate, network_rates
from components.optimisers.schedules import stepping_every
from components.protocols import (
    Actor,
    ActorLoss,
    Critic,
    CriticLoss,
    LearnerState,
    Metrics,
    Optimiser,
    StopGradNetworks,
    Temperature,
    TrainedLoss,
)
from components.relabelling.strategies import Relabelling
from components.replay.batch import Batch


class Networks(eqx.Module):
    """The trained networks; None for those that the learner does not have."""

    actor: Actor
    critic: Critic | None
    temperature: Temperature | None


class OptimiserStates(eqx.Module):
    """The states of the networks' optimisers, by the networks' names."""

    actor: optax.OptState
    critic: optax.OptState | None
    temperature: optax.OptState | None


class ActorCritic(PolicyLearner):
    """Actor, critic, their losses, temperature, targets, goal relabelling and optimisers.

    Contrastive RL, SAC, TD3 and imitation differ only in the words that these settings name.
    """

    actor: Callable[..., Actor] = eqx.field(static=True)
    actor_loss: ActorLoss
    actor_optimiser: Optimiser = eqx.field(static=True)
    relabelling: Relabelling
    critic: Callable[..., Critic] | None = eqx.field(static=True)
    critic_loss: CriticLoss | None
    critic_optimiser: Optimiser | None = eqx.field(static=True)
    temperature: Callable[..., Temperature] | None = eqx.field(static=True)
    temperature_optimiser: Optimiser | None = eqx.field(static=True)
    target: Polyak | None
    policy_delay: int = eqx.field(static=True)
    gradient_accumulation: int = eqx.field(static=True)
    skip_nonfinite: bool = eqx.field(static=True)
    behaviour_policy: ActionSelection
    evaluation_policy: ActionSelection

    def __init__(
        self,
        actor: Callable[..., Actor],
        actor_loss: ActorLoss,
        actor_optimiser: Optimiser,
        relabelling: Relabelling,
        critic: Callable[..., Critic] | None = None,
        critic_loss: CriticLoss | None = None,
        critic_optimiser: Optimiser | None = None,
        temperature: Callable[..., Temperature] | None = None,
        temperature_optimiser: Optimiser | None = None,
        target: Polyak | None = None,
        policy_delay: PositiveInt = 1,
        behaviour_policy: ActionSelection = Sample(),  # noqa: B008 (modules do not change)
        evaluation_policy: ActionSelection = Mode(),  # noqa: B008
        max_gradient_norm: Annotated[float, MoreThan(0)] | None = None,
        skip_nonfinite: bool = False,
        gradient_accumulation: PositiveInt = 1,
    ):
        """Args:
            actor: plan of the policy, called with `dims` and `key`.
            actor_loss: loss of the policy.
            actor_optimiser: optax transformation of the actor's gradients.
            relabelling: chooses the goal of every transition.
            critic: plan of the critic, called with `dims` and `key`; imitation needs none.
            critic_loss: loss of the critic.
            critic_optimiser: optax transformation of the critic's gradients.
            temperature: plan of the entropy temperature, called with `action_size`; without one
                the weight of entropy is 0.
            temperature_optimiser: optax transformation of the temperature's gradient.
            target: rule by which target networks follow; None keeps no target networks.
            policy_delay: critic steps per step of actor, temperature and targets (2 in TD3).
            behaviour_policy: selects the actions that collect training data.
            evaluation_policy: selects the actions that the policy is scored by.
            max_gradient_norm: global L2 norm that the gradient of each network is clipped to; None
                clips nothing.
            skip_nonfinite: skip and count updates whose gradient is not finite, instead of
                stopping the run.
            gradient_accumulation: micro-batches that a batch is taken in, one after the other, to
                save the memory of activations; each network takes one step, on their mean gradient.
                Contrastive losses find their negatives in the micro-batch.

        Raises:
            SettingError: a setting is outside its range, or useless without another.
        """
        numbers = {"policy_delay": policy_delay, "max_gradient_norm": max_gradient_norm}
        check(ActorCritic, **numbers, gradient_accumulation=gradient_accumulation)

        def guard(optimiser: Optimiser | None) -> Optimiser | None:
            return optimiser and guarded(optimiser, max_gradient_norm, skip_nonfinite)

        self.actor, self.actor_loss = actor, actor_loss
        self.actor_optimiser = guarded(actor_optimiser, max_gradient_norm, skip_nonfinite)
        self.relabelling = relabelling
        self.critic, self.critic_loss = critic, critic_loss
        self.critic_optimiser = guard(critic_optimiser)
        self.temperature, self.temperature_optimiser = temperature, guard(temperature_optimiser)
        self.target, self.policy_delay = target, policy_delay
        self.skip_nonfinite, self.gradient_accumulation = skip_nonfinite, gradient_accumulation
        self.behaviour_policy, self.evaluation_policy = behaviour_policy, evaluation_policy
        require_together(self, "critic", "critic_loss", "critic_optimiser")
        require_together(self, "temperature", "temperature_optimiser")
        if target is not None and critic is None:
            raise SettingError("target", "follows a critic, but this learner has none.")

    def init(self, dims: EnvDims, key: Key[Array, ""]) -> LearnerState:
        actor_key, critic_key = jax.random.split(key)
        networks = Networks(
            actor=self.actor(dims=dims, key=actor_key),
            critic=self.critic(dims=dims, key=critic_key) if self.critic else None,
            temperature=self.temperature(action_size=dims.action) if self.temperature else None,
        )
        self._require_fit(networks)
        optimisers = OptimiserStates(
            actor=init_optimiser(self.actor_optimiser, networks.actor),
            critic=_init_optional(self.critic_optimiser, networks.critic),
            temperature=_init_optional(self.temperature_optimiser, networks.temperature),
        )
        targets = self.target.init(networks.actor, networks.critic) if self.target else None
        return LearnerState(networks, optimisers, targets, jnp.zeros((), jnp.int32))

    def _require_fit(self, networks: Networks) -> None:
        for name in ("critic_loss", "actor_loss", "behaviour_policy", "evaluation_policy"):
            user = getattr(self, name)
            require_fit(name, user, actor=networks.actor, critic=networks.critic)

    def trained_losses(self) -> dict[str, TrainedLoss]:
        def loss_of(loss: ActorLoss | CriticLoss) -> TrainedLoss:
            return lambda network, state, batch, key: loss(
                network, batch, self.stop_grad_networks(state), key
            )[0]

        critic = {} if self.critic_loss is None else {"critic": loss_of(self.critic_loss)}
        return {"actor": loss_of(self.actor_loss), **critic}

    def learning_rates(self) -> dict[str, NetworkRate]:
        return network_rates(
            actor=(self.actor_optimiser, self.policy_delay),
            critic=(self.critic_optimiser, 1),
            temperature=(self.temperature_optimiser, self.policy_delay),
        )

    def micro_batches(self) -> int:
        return self.gradient_accumulation

    def stop_grad_networks(self, state: LearnerState) -> StopGradNetworks:
        """Return the networks that the losses of the next update read."""
        networks, targets = state.networks, state.targets or Targets(None, None)
        temperature = networks.temperature
        alpha = jnp.zeros((), jnp.float32) if temperature is None else temperature.value()
        frozen = StopGradNetworks(
            actor=networks.actor,
            critic=networks.critic,
            temperature=alpha,
            target_actor=networks.actor if targets.actor is None else targets.actor,
            target_critic=networks.critic if targets.critic is None else targets.critic,
        )
        return jax.lax.stop_gradient(frozen)

    def update(
        self, state: LearnerState, batch: Batch, key: Key[Array, ""]
    ) -> tuple[LearnerState, Metrics]:
        # All three losses read the networks as they were before the step, so the order of the
        # steps changes no number; only the targets follow the new networks. With `policy_delay`
        # above 1 most updates move the critic alone.
        frozen = self.stop_grad_networks(state)
        state, critic_metrics = self._update_critic(state, batch, frozen, key)
        with stepping_every(self.policy_delay):
            state, actor_metrics = self._delayed(
                lambda state: self._update_actor(state, batch, frozen, key), state
            )
        state = eqx.tree_at(lambda s: s.updates, state, state.updates + jnp.int32(1))
        metrics = {**critic_metrics, **actor_metrics}
        if self.skip_nonfinite:  # a skipped update's metrics count as zero
            metrics = jax.tree.map(lambda x: jnp.where(jnp.isfinite(x), x, 0.0), metrics)
        return state, metrics

    def _update_critic(
        self, state: LearnerState, batch: Batch, frozen: StopGradNetworks, key: Key[Array, ""]
    ) -> tuple[LearnerState, Metrics]:
        critic_loss, optimiser = self.critic_loss, self.critic_optimiser
        if critic_loss is None or optimiser is None:
            return state, {}

        def loss(critic, batch, key):
            return critic_loss(critic, batch, frozen, key)

        # `split(key, 2)` in the actor's loss yields `fold_in(key, 0)` and `fold_in(key, 1)`, so 2
        # is the first fold that shares no random numbers with it.
        critic_key = jax.random.fold_in(key, 2)
        parts = self.gradient_accumulation
        return step_network_on_batch(state, "critic", loss, optimiser, batch, critic_key, parts)

    def _update_actor(
        self, state: LearnerState, batch: Batch, frozen: StopGradNetworks, key: Key[Array, ""]
    ) -> tuple[LearnerState, Metrics]:
        """Step the actor, the temperature on the log-probabilities it drew, and the targets."""

        def loss(actor, batch, key):
            value, log_probs = self.actor_loss(actor, batch, frozen, key)
            return value, {"log_probs": log_probs}

        state, metrics = step_network_on_batch(
            state, "actor", loss, self.actor_optimiser, batch, key, self.gradient_accumulation
        )
        log_probs = metrics.pop("log_probs")
        if log_probs is not None:
            metrics["entropy"] = -jnp.mean(log_probs)
        state, temperature_metrics = self._update_temperature(state, log_probs)
        return self._update_targets(state), {**metrics, **temperature_metrics}

    def _update_temperature(
        self, state: LearnerState, log_probs: Float[Array, " B"] | None
    ) -> tuple[LearnerState, Metrics]:
        if self.temperature_optimiser is None:
            return state, {}
        if log_probs is None:
            raise SettingError("temperature", "weighs an entropy that this actor_loss lacks.")
        old = state.networks.temperature
        state, metrics = step_network(
            state,
            "temperature",
            lambda temperature: (temperature.loss(log_probs), {}),
            self.temperature_optimiser,
        )
        loss = metrics["temperature_loss"]
        return state, {"temperature": old.value(), "temperature_loss": loss}

    def _update_targets(self, state: LearnerState) -> LearnerState:
        if self.target is None or state.targets is None:
            return state
        networks = state.networks
        targets = self.target.update(state.targets, networks.actor, networks.critic)
        return eqx.tree_at(lambda s: s.targets, state, targets)

    def _delayed(
        self, step: Callable[[LearnerState], tuple[LearnerState, Metrics]], state: LearnerState
    ) -> tuple[LearnerState, Metrics]:
        """Take `step` at every `policy_delay`-th update, its metrics weighted by `policy_delay`.

        The loop divides sums of metrics by all updates, so the weight makes them means over steps.
        """
        if self.policy_delay == 1:
            return step(state)
        metrics = jax.tree.map(
            lambda x: jnp.zeros(x.shape, x.dtype), eqx.filter_eval_shape(step, state)[1]
        )

        def weighted(state: LearnerState) -> tuple[LearnerState, Metrics]:
            state, metrics = step(state)
            return state, jax.tree.map(lambda x: self.policy_delay * x, metrics)

        due = (state.updates + 1) % self.policy_delay == 0
        return jax.lax.cond(due, weighted, lambda state: (state, metrics), state)


def _init_optional(optimiser: Optimiser | None, network: PyTree) -> optax.OptState | None:
    return None if optimiser is None else init_optimiser(optimiser, network)
