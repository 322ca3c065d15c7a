"""Goal-conditioned implicit Q-learning, which only evaluates actions that are in the buffer."""

from collections.abc import Callable
from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key

from components.actors.action_selection import ActionSelection, Mode, Sample
from components.compatibility import require_class
from components.constraints import AtLeast, Between, Discount, PositiveFloat, PositiveInt, check
from components.env_dims import EnvDims
from components.learners.gradient_step import init_optimiser, step_network_on_batch
from components.learners.policy_learner import PolicyLearner
from components.learners.target_networks import Polyak
from components.losses.shape_checks import require_member_values, require_scalars
from components.losses.td import bellman_target, squared_error
from components.networks import Network, NetworkPlan
from components.optimisers.rated import NetworkRate, network_rates
from components.protocols import (
    EnsembleCritic,
    Inspectable,
    LearnerState,
    Metrics,
    NetworkInput,
    Optimiser,
    Scalar,
    StochasticActor,
    TrainedLoss,
)
from components.relabelling.strategies import Relabelling
from components.replay.batch import Batch


class StateValue(Inspectable):
    """V(s, g): the value of a state for a goal."""

    network: Network

    def __call__(self, state: Float[Array, " n"], goal: Float[Array, " g"]) -> Float[Array, ""]:
        """Return the value of one state."""
        return self.network(jnp.concatenate([state, goal]))[0]

    def network_inputs(
        self,
        state: Float[Array, " n"],
        action: Float[Array, " a"],  # noqa: ARG002
        goal: Float[Array, " g"],
    ) -> dict[str, NetworkInput]:
        return {"value": NetworkInput(self.network, jnp.concatenate([state, goal]))}


class Networks(eqx.Module):
    """The trained networks."""

    actor: StochasticActor
    critic: EnsembleCritic
    value: StateValue


class OptimiserStates(eqx.Module):
    """The states of the networks' optimisers, by the networks' names."""

    actor: optax.OptState
    critic: optax.OptState
    value: optax.OptState


class ImplicitQLearning(PolicyLearner):
    r"""Implicit Q-learning (IQL) with goals chosen in hindsight.

    With $u_i = \min_k \bar Q_k(s_i, a_i, g_i) - V(s_i, g_i)$, target critic $\bar Q$:

    - $L_V = \frac1B \sum_i |\tau - [u_i < 0]| \, u_i^2$, expectile regression;
    - $L_Q = \frac1B \sum_i \sum_k \frac12 (Q_k(s_i, a_i, g_i) - r_i - \gamma d_i V(s'_i, g_i))^2$;
    - $L_\pi = -\frac1B \sum_i \min(e^{\beta u_i}, w_{\max}) \log \pi(a_i \mid s_i, g_i)$.

    Towards $\tau = 1$, V is the value of the best action among those in the buffer, and the critic
    is never evaluated at any other action. Departures from the reference implementation: all three
    losses read the networks as they were before the step, and data is collected while training.

    Reference: Kostrikov et al., "Offline Reinforcement Learning with Implicit Q-Learning", 2022,
    eq. 5-7 and algorithm 1.
    """

    actor: Callable[..., StochasticActor] = eqx.field(static=True)
    actor_optimiser: Optimiser = eqx.field(static=True)
    critic: Callable[..., EnsembleCritic] = eqx.field(static=True)
    critic_optimiser: Optimiser = eqx.field(static=True)
    value: NetworkPlan = eqx.field(static=True)
    value_optimiser: Optimiser = eqx.field(static=True)
    relabelling: Relabelling
    target: Polyak
    discount: float = eqx.field(static=True)
    expectile: float = eqx.field(static=True)
    inverse_temperature: float = eqx.field(static=True)
    largest_weight: float = eqx.field(static=True)
    gradient_accumulation: int = eqx.field(static=True)
    behaviour_policy: ActionSelection
    evaluation_policy: ActionSelection

    def __init__(
        self,
        actor: Callable[..., StochasticActor],
        actor_optimiser: Optimiser,
        critic: Callable[..., EnsembleCritic],
        critic_optimiser: Optimiser,
        value: NetworkPlan,
        value_optimiser: Optimiser,
        relabelling: Relabelling,
        target: Polyak = Polyak(),  # noqa: B008 (modules do not change)
        discount: Discount = 0.99,
        expectile: Annotated[float, Between(0, 1, open=True)] = 0.9,
        inverse_temperature: Annotated[float, AtLeast(0)] = 3.0,
        largest_weight: PositiveFloat = 100.0,
        behaviour_policy: ActionSelection = Sample(),  # noqa: B008
        evaluation_policy: ActionSelection = Mode(),  # noqa: B008
        gradient_accumulation: PositiveInt = 1,
    ):
        """Args:
            actor: plan of the policy, called with `dims` and `key`.
            actor_optimiser: optax transformation of the actor's gradients.
            critic: plan of Q, called with `dims` and `key`.
            critic_optimiser: optax transformation of the critic's gradients.
            value: plan of V, called with `in_size`, `out_size` and `key`.
            value_optimiser: optax transformation of the gradients of V.
            relabelling: chooses the goal of every transition.
            target: rule by which the target critic follows.
            discount: gamma per environment step.
            expectile: tau.
            inverse_temperature: beta; 0 imitates every action alike.
            largest_weight: w_max, of one transition in the actor's loss.
            behaviour_policy: selects the actions that collect training data.
            evaluation_policy: selects the actions that the policy is scored by.
            gradient_accumulation: as in `ActorCritic`.

        Raises:
            SettingError: a setting is outside its range.
        """
        numbers = {
            "discount": discount,
            "expectile": expectile,
            "inverse_temperature": inverse_temperature,
            "largest_weight": largest_weight,
            "gradient_accumulation": gradient_accumulation,
        }
        check(ImplicitQLearning, **numbers)
        self.actor, self.actor_optimiser = actor, actor_optimiser
        self.critic, self.critic_optimiser = critic, critic_optimiser
        self.value, self.value_optimiser = value, value_optimiser
        self.relabelling, self.target = relabelling, target
        self.discount, self.expectile = discount, expectile
        self.inverse_temperature, self.largest_weight = inverse_temperature, largest_weight
        self.gradient_accumulation = gradient_accumulation
        self.behaviour_policy, self.evaluation_policy = behaviour_policy, evaluation_policy

    def init(self, dims: EnvDims, key: Key[Array, ""]) -> LearnerState:
        actor_key, critic_key, value_key = jax.random.split(key, 3)
        in_size = dims.state + dims.goal
        networks = Networks(
            require_class("actor", self.actor(dims=dims, key=actor_key), StochasticActor),
            require_class("critic", self.critic(dims=dims, key=critic_key), EnsembleCritic),
            StateValue(self.value(in_size=in_size, out_size=1, key=value_key)),
        )
        optimisers = OptimiserStates(
            actor=init_optimiser(self.actor_optimiser, networks.actor),
            critic=init_optimiser(self.critic_optimiser, networks.critic),
            value=init_optimiser(self.value_optimiser, networks.value),
        )
        targets = self.target.init(networks.actor, networks.critic)
        return LearnerState(networks, optimisers, targets, jnp.zeros((), jnp.int32))

    def update(
        self, state: LearnerState, batch: Batch, key: Key[Array, ""]
    ) -> tuple[LearnerState, Metrics]:
        old, metrics = state, {}
        for name, loss in self._losses().items():
            state, found = step_network_on_batch(
                state,
                name,
                lambda network, batch, _, loss=loss: loss(network, old, batch),
                getattr(self, f"{name}_optimiser"),
                batch,
                key,
                self.gradient_accumulation,
            )
            metrics |= found
        networks = state.networks
        targets = self.target.update(state.targets, networks.actor, networks.critic)
        counted = (targets, state.updates + jnp.int32(1))
        return eqx.tree_at(lambda s: (s.targets, s.updates), state, counted), metrics

    def trained_losses(self) -> dict[str, TrainedLoss]:
        def without_metrics(loss: Callable[..., tuple[Scalar, Metrics]]) -> TrainedLoss:
            return lambda network, state, batch, key: loss(network, state, batch)[0]  # noqa: ARG005

        return {name: without_metrics(loss) for name, loss in self._losses().items()}

    def micro_batches(self) -> int:
        return self.gradient_accumulation

    def learning_rates(self) -> dict[str, NetworkRate]:
        return network_rates(
            actor=(self.actor_optimiser, 1),
            critic=(self.critic_optimiser, 1),
            value=(self.value_optimiser, 1),
        )

    def _losses(self) -> dict[str, Callable[..., tuple[Scalar, Metrics]]]:
        """Return each network's loss as a function of the network, the old state and a batch."""
        return {"value": self._value_loss, "critic": self._critic_loss, "actor": self._actor_loss}

    def _value_loss(
        self, value: StateValue, state: LearnerState, batch: Batch
    ) -> tuple[Scalar, Metrics]:
        values = jax.vmap(value)(batch.state, batch.goal)
        excess = self._target_q(state, batch) - values
        weight = jnp.where(excess < 0, 1 - self.expectile, self.expectile)
        return jnp.mean(weight * jnp.square(excess)), {"value": jnp.mean(values)}

    def _critic_loss(
        self, critic: EnsembleCritic, state: LearnerState, batch: Batch
    ) -> tuple[Scalar, Metrics]:
        next_value = jax.vmap(state.networks.value)(batch.next_state, batch.goal)
        return squared_error(critic, batch, bellman_target(batch, next_value, self.discount))

    def _actor_loss(
        self, actor: StochasticActor, state: LearnerState, batch: Batch
    ) -> tuple[Scalar, Metrics]:
        def log_prob(state, goal, action):
            return actor(state, goal).log_prob(action)

        values = jax.vmap(state.networks.value)(batch.state, batch.goal)
        advantage = self._target_q(state, batch) - values
        weight = jnp.minimum(jnp.exp(self.inverse_temperature * advantage), self.largest_weight)
        log_probs = jax.vmap(log_prob)(batch.state, batch.goal, batch.action)
        require_scalars(batch.state.shape[0], log_probs)
        metrics = {"advantage": jnp.mean(advantage), "advantage_weight": jnp.mean(weight)}
        return -jnp.mean(weight * log_probs), metrics

    def _target_q(self, state: LearnerState, batch: Batch) -> Float[Array, " B"]:
        """Return the least target value of each transition's own action."""
        values = jax.vmap(state.targets.critic.values)(batch.state, batch.action, batch.goal)
        require_member_values(batch.state.shape[0], values)
        return jnp.min(values, axis=1)
