"""One learner for all algorithms, composed of the words of a gin file.

This is the file that says how a batch becomes a gradient.
"""

from collections.abc import Callable
from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key, PyTree

from components.actors.action_selection import AbstractActing, Mode, Sample
from components.constraints import MoreThan, PositiveInt, SettingError, check
from components.env_dims import EnvDims
from components.learners.gradient_step import gradient_step, guarded, init_optimiser
from components.learners.target_networks import Polyak, Targets
from components.losses.actor import AbstractActorLoss
from components.losses.stop_grad_networks import StopGradNetworks
from components.relabelling.strategies import AbstractRelabelling
from components.replay.batch import Batch, Replay, make_batch
from components.replay.trajectory_buffer import TransitionIndex

Metrics = dict[str, Float[Array, ""]]
CriticLoss = Callable[..., tuple[Array, Metrics]]
Optimiser = optax.GradientTransformation


class Networks(eqx.Module):
    """Everything of a learner that is trained; None for what it does without."""

    actor: PyTree
    critic: PyTree
    temperature: PyTree


class LearnerState(eqx.Module):
    """Everything of a learner that changes.

    Attributes:
        networks: what is trained.
        optimisers: states of their optimisers, under the same names.
        targets: lagging networks, or None.
        updates: gradient steps of the critic so far.
    """

    networks: Networks
    optimisers: Networks
    targets: Targets | None
    updates: Int[Array, ""]


class ActorCritic(eqx.Module):
    """Actor, critic, their losses, temperature, targets, goal relabelling and optimisers.

    What differs between contrastive RL, SAC, TD3 and imitation is which words fill these places.
    """

    actor: Callable[..., PyTree] = eqx.field(static=True)
    actor_loss: AbstractActorLoss
    actor_optimiser: Optimiser = eqx.field(static=True)
    relabelling: AbstractRelabelling
    critic: Callable[..., PyTree] | None = eqx.field(static=True)
    critic_loss: CriticLoss | None
    critic_optimiser: Optimiser | None = eqx.field(static=True)
    temperature: Callable[..., PyTree] | None = eqx.field(static=True)
    temperature_optimiser: Optimiser | None = eqx.field(static=True)
    target: Polyak | None
    actor_every: int = eqx.field(static=True)
    skip_nonfinite: bool = eqx.field(static=True)
    collecting: AbstractActing
    evaluating: AbstractActing

    def __init__(
        self,
        actor: Callable[..., PyTree],
        actor_loss: AbstractActorLoss,
        actor_optimiser: Optimiser,
        relabelling: AbstractRelabelling,
        critic: Callable[..., PyTree] | None = None,
        critic_loss: CriticLoss | None = None,
        critic_optimiser: Optimiser | None = None,
        temperature: Callable[..., PyTree] | None = None,
        temperature_optimiser: Optimiser | None = None,
        target: Polyak | None = None,
        actor_every: PositiveInt = 1,
        collecting: AbstractActing = Sample(),  # noqa: B008 (modules do not change)
        evaluating: AbstractActing = Mode(),  # noqa: B008
        max_gradient_norm: Annotated[float, MoreThan(0)] | None = None,
        skip_nonfinite: bool = False,
    ):
        """Args:
            actor: plan of the policy, completed with `sizes` and `key`.
            actor_loss: what the policy is trained to do.
            actor_optimiser: optax transformation of the actor.
            relabelling: chooses the goal of every transition.
            critic: plan of the critic, completed with `sizes` and `key`; imitation has none.
            critic_loss: maps (critic, batch, frozen networks, key) to a scalar and metrics.
            critic_optimiser: optax transformation of the critic.
            temperature: plan of the entropy temperature, completed with `action_size`; without one
                entropy counts for nothing.
            temperature_optimiser: optax transformation of the temperature.
            target: how target networks follow; none where left out.
            actor_every: critic steps per step of actor, temperature and targets (delayed policy
                updates; TD3 has 2).
            collecting: how actions are chosen for training data.
            evaluating: how they are chosen when the policy is scored.
            max_gradient_norm: the gradient of each network is shortened to this global L2 norm; not
                where left out.
            skip_nonfinite: whether updates whose gradient is not finite are left out and counted.
                Otherwise such a number stops the run.

        Raises:
            SettingError: a setting outside its range, or one that is useless without another.
        """
        check(ActorCritic, actor_every=actor_every, max_gradient_norm=max_gradient_norm)

        def guard(optimiser: Optimiser | None) -> Optimiser | None:
            return optimiser and guarded(optimiser, max_gradient_norm, skip_nonfinite)

        self.actor, self.actor_loss = actor, actor_loss
        self.actor_optimiser = guarded(actor_optimiser, max_gradient_norm, skip_nonfinite)
        self.relabelling = relabelling
        self.critic, self.critic_loss = critic, critic_loss
        self.critic_optimiser = guard(critic_optimiser)
        self.temperature, self.temperature_optimiser = temperature, guard(temperature_optimiser)
        self.target, self.actor_every = target, actor_every
        self.skip_nonfinite = skip_nonfinite
        self.collecting, self.evaluating = collecting, evaluating
        _require_together(self, "critic", "critic_loss", "critic_optimiser")
        _require_together(self, "temperature", "temperature_optimiser")
        if target is not None and critic is None:
            raise SettingError("target", "follows a critic, but this learner has none.")

    def init(self, sizes: EnvDims, key: Key[Array, ""]) -> LearnerState:
        """Fresh networks, targets and optimisers for a task of the given sizes."""
        actor_key, critic_key = jax.random.split(key)
        networks = Networks(
            actor=self.actor(sizes=sizes, key=actor_key),
            critic=self.critic(sizes=sizes, key=critic_key) if self.critic else None,
            temperature=self.temperature(action_size=sizes.action) if self.temperature else None,
        )
        optimisers = Networks(
            actor=init_optimiser(self.actor_optimiser, networks.actor),
            critic=_init_optional(self.critic_optimiser, networks.critic),
            temperature=_init_optional(self.temperature_optimiser, networks.temperature),
        )
        targets = self.target.init(networks.actor, networks.critic) if self.target else None
        return LearnerState(networks, optimisers, targets, jnp.zeros((), jnp.int32))

    def batch(self, replay: Replay, anchors: TransitionIndex, key: Key[Array, ""]) -> Batch:
        """The transitions at `anchors` with the goals this learner trains on."""
        return make_batch(replay, anchors, self.relabelling(replay, anchors, key))

    def frozen(self, state: LearnerState) -> StopGradNetworks:
        """What the losses of the next update read."""
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
        """One gradient step of critic, actor and temperature on one batch.

        All three see the networks as they were before the step; the targets then follow the new
        ones. With `actor_every` above 1 only the critic moves at most steps.
        """
        frozen = self.frozen(state)
        state, critic_metrics = self._update_critic(state, batch, frozen, key)
        state, actor_metrics = self._every_so_often(
            lambda state: self._update_actor(state, batch, frozen, key), state
        )
        updates = state.updates + jnp.int32(1)
        state = eqx.tree_at(lambda s: s.updates, state, updates)
        metrics = {**critic_metrics, **actor_metrics}
        if self.skip_nonfinite:  # what a skipped update measured counts as zero
            metrics = jax.tree.map(lambda x: jnp.where(jnp.isfinite(x), x, 0.0), metrics)
        return state, metrics

    def _update_critic(
        self, state: LearnerState, batch: Batch, frozen: StopGradNetworks, key: Key[Array, ""]
    ) -> tuple[LearnerState, Metrics]:
        loss, optimiser = self.critic_loss, self.critic_optimiser
        if loss is None or optimiser is None:
            return state, {}
        # The actor's loss may split the key in two, which gives its folds 0 and 1.
        critic_key = jax.random.fold_in(key, 2)
        critic, optimiser_state, metrics = gradient_step(
            lambda critic: loss(critic, batch, frozen, critic_key),
            state.networks.critic,
            optimiser,
            state.optimisers.critic,
        )
        state = _replace(state, "critic", critic, optimiser_state)
        return state, _named("critic", metrics)

    def _update_actor(
        self, state: LearnerState, batch: Batch, frozen: StopGradNetworks, key: Key[Array, ""]
    ) -> tuple[LearnerState, Metrics]:
        """Actor, then temperature on the log-probabilities that the actor drew, then targets."""

        def loss(actor):
            value, log_probs = self.actor_loss(actor, batch, frozen, key)
            return value, {"log_probs": log_probs}

        actor, optimiser_state, metrics = gradient_step(
            loss, state.networks.actor, self.actor_optimiser, state.optimisers.actor
        )
        log_probs = metrics.pop("log_probs")
        state = _replace(state, "actor", actor, optimiser_state)
        metrics = _named("actor", metrics)
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
        temperature, optimiser_state, metrics = gradient_step(
            lambda temperature: (temperature.loss(log_probs), {}),
            old,
            self.temperature_optimiser,
            state.optimisers.temperature,
        )
        state = _replace(state, "temperature", temperature, optimiser_state)
        return state, {"temperature": old.value(), "temperature_loss": metrics["loss"]}

    def _update_targets(self, state: LearnerState) -> LearnerState:
        if self.target is None or state.targets is None:
            return state
        networks = state.networks
        targets = self.target.update(state.targets, networks.actor, networks.critic)
        return eqx.tree_at(lambda s: s.targets, state, targets)

    def _every_so_often(
        self, step: Callable[[LearnerState], tuple[LearnerState, Metrics]], state: LearnerState
    ) -> tuple[LearnerState, Metrics]:
        """`step` once in `actor_every` updates; its metrics then count that many times."""
        if self.actor_every == 1:
            return step(state)
        metrics = jax.tree.map(
            lambda x: jnp.zeros(x.shape, x.dtype), eqx.filter_eval_shape(step, state)[1]
        )

        def weighted(state: LearnerState) -> tuple[LearnerState, Metrics]:
            state, metrics = step(state)
            return state, jax.tree.map(lambda x: self.actor_every * x, metrics)

        due = (state.updates + 1) % self.actor_every == 0
        return jax.lax.cond(due, weighted, lambda state: (state, metrics), state)


def _replace(state: LearnerState, name: str, network: PyTree, optimiser: PyTree) -> LearnerState:
    """The state with one of its networks and its optimiser's state exchanged."""
    return eqx.tree_at(
        lambda s: (getattr(s.networks, name), getattr(s.optimisers, name)),
        state,
        (network, optimiser),
    )


def _named(network: str, metrics: Metrics) -> Metrics:
    """`loss` and `grad_norm` of one network under its name."""
    prefixed = {f"{network}_{name}": metrics.pop(name) for name in ("loss", "grad_norm")}
    return {**prefixed, **metrics}


def _init_optional(optimiser: Optimiser | None, network: PyTree) -> optax.OptState | None:
    return None if optimiser is None else init_optimiser(optimiser, network)


def _require_together(learner: ActorCritic, *names: str) -> None:
    """Refuse a learner that has some of these places filled and others not."""
    filled = [name for name in names if getattr(learner, name) is not None]
    missing = [name for name in names if name not in filled]
    if filled and missing:
        raise SettingError(missing[0], f"is missing: this learner has a {filled[0]}.")
