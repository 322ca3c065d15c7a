"""Interfaces between components: what actors, critics, losses and learners must implement.

Every class here is abstract. An implementation derives from one of them and annotates its own
parameters with the classes that it needs: `InfoNCE.__call__(critic: PairCritic)` cannot train any
other critic, and `components.compatibility` reports that before anything is computed.

Shapes are those of one example unless they contain a batch size B. A state has n numbers, a goal g,
and an action a.
"""

import abc
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import equinox as eqx
import optax
from jaxtyping import Array, Float, Int, Key, PyTree

from components.env_dims import EnvDims
from components.networks import Network
from components.optimisers.rated import NetworkRate
from components.replay.batch import Batch, Replay
from components.replay.trajectory_buffer import TransitionIndex

Scalar: TypeAlias = Float[Array, ""]
Metrics: TypeAlias = dict[str, Float[Array, ""]]
Optimiser: TypeAlias = optax.GradientTransformation

ActorT = TypeVar("ActorT")
CriticT = TypeVar("CriticT")


class NetworkInput(NamedTuple):
    """A network inside a module and the vector that it is evaluated on."""

    network: Network
    input: Float[Array, " in"]


class Inspectable(eqx.Module):
    """A trained module whose inner networks are shown by reports."""

    @abc.abstractmethod
    def network_inputs(
        self, state: Float[Array, " n"], action: Float[Array, " a"], goal: Float[Array, " g"]
    ) -> dict[str, NetworkInput]:
        """Return the inner networks with their inputs, by the names that reports show."""


class ActionSampler(eqx.Module):
    """The actions of an actor for one state and goal: the best one, and samples to explore with."""

    @abc.abstractmethod
    def mode(self) -> Float[Array, " a"]:
        """Return the action without exploration noise, each entry in [-1, 1]."""

    @abc.abstractmethod
    def sample(self, key: Key[Array, ""]) -> Float[Array, " a"]:
        """Draw an action, each entry in [-1, 1]."""


class PolicyDistribution(ActionSampler):
    """An action sampler with a density."""

    @abc.abstractmethod
    def sample_and_log_prob(
        self, key: Key[Array, ""]
    ) -> tuple[Float[Array, " a"], Float[Array, ""]]:
        """Draw an action with its log-density, both differentiable in the actor's weights."""

    @abc.abstractmethod
    def log_prob(self, action: Float[Array, " a"]) -> Float[Array, ""]:
        """Return the log-density of an action."""


class Actor(Inspectable):
    """A policy: maps a state and a goal to actions.

    A learner builds it from a plan, called with the keywords `dims` and `key`.
    """

    @abc.abstractmethod
    def __call__(self, state: Float[Array, " n"], goal: Float[Array, " g"]) -> ActionSampler:
        """Return the actions for one state and one goal."""


class StochasticActor(Actor):
    """An actor whose actions have a density."""

    @abc.abstractmethod
    def __call__(self, state: Float[Array, " n"], goal: Float[Array, " g"]) -> PolicyDistribution:
        """Return the distribution of actions for one state and one goal."""


class Critic(Inspectable):
    """Scores a state and an action by a goal; higher is better.

    A learner builds it from a plan, called with the keywords `dims` and `key`.
    """

    @abc.abstractmethod
    def __call__(
        self, state: Float[Array, " n"], action: Float[Array, " a"], goal: Float[Array, " g"]
    ) -> Float[Array, ""]:
        """Return the score that the actor is trained to maximise."""


class EnsembleCritic(Critic):
    """A critic with several members, which temporal-difference losses train separately."""

    @abc.abstractmethod
    def values(
        self, state: Float[Array, " n"], action: Float[Array, " a"], goal: Float[Array, " g"]
    ) -> Float[Array, " members"]:
        """Return the value of each member."""


class Pairs(NamedTuple):
    """A batch of state-actions against a batch of goals.

    Attributes:
        logits: f of every state-action (rows) with every goal (columns).
        state_actions: embeddings phi(s, a).
        goals: embeddings psi(g).
    """

    logits: Float[Array, "B C"]
    state_actions: Float[Array, "B d"]
    goals: Float[Array, "C d"]


class PairCritic(Critic):
    """A critic that scores every state-action of a batch with every goal."""

    @abc.abstractmethod
    def pairs(
        self, states: Float[Array, "B n"], actions: Float[Array, "B a"], goals: Float[Array, "C g"]
    ) -> Pairs:
        """Return the scores and the embeddings of all pairs."""


class Temperature(eqx.Module):
    """The weight of entropy in the actor's loss, and the loss that trains it.

    A learner builds it from a plan, called with the keyword `action_size`.
    """

    @abc.abstractmethod
    def value(self) -> Float[Array, ""]:
        """Return the weight, alpha."""

    @abc.abstractmethod
    def loss(self, log_probs: Float[Array, " B"]) -> Float[Array, ""]:
        """Return the loss of the temperature, given the policy's log-probabilities."""


class StopGradNetworks(eqx.Module, Generic[ActorT, CriticT]):
    """A learner's networks as they were before the step; no gradient reaches them.

    A loss names the classes that it needs: `StopGradNetworks[StochasticActor, EnsembleCritic]`.

    Attributes:
        actor: the policy.
        critic: the critic, or None for a learner without one.
        temperature: weight of entropy, alpha; 0 for a learner without one.
        target_actor: the lagging policy; the policy itself when none is kept.
        target_critic: the lagging critic; the critic itself when none is kept.
    """

    actor: ActorT
    critic: CriticT
    temperature: Float[Array, ""]
    target_actor: ActorT
    target_critic: CriticT


class CriticLoss(eqx.Module):
    """A loss of a critic on a batch, all other networks held fixed.

    Implementations annotate `critic` and `frozen` with the classes that they need.
    """

    @abc.abstractmethod
    def __call__(
        self, critic: Any, batch: Batch, frozen: StopGradNetworks, key: Key[Array, ""]
    ) -> tuple[Scalar, Metrics]:
        """Return the loss, and metrics."""


class ActorLoss(eqx.Module):
    """A loss of an actor on a batch, all other networks held fixed.

    Implementations annotate `actor` and `frozen` with the classes that they need.
    """

    @abc.abstractmethod
    def __call__(
        self, actor: Any, batch: Batch, frozen: StopGradNetworks, key: Key[Array, ""]
    ) -> tuple[Scalar, Float[Array, " B"] | None]:
        """Return the loss, and the log-probabilities of the actions drawn for it, if any were."""


class LearnerState(eqx.Module):
    """The part of a learner that changes; every array of it is in a checkpoint.

    Attributes:
        networks: a module whose attributes are the trained networks. Acting needs nothing else, so
            checkpoints of the best policy contain only this; reports find the networks with
            `components.learners.inspection`.
        optimisers: states of the optimisers, with the same attributes.
        targets: lagging networks, or None.
        updates: calls of `Learner.update` so far.
    """

    networks: PyTree
    optimisers: PyTree
    targets: PyTree
    updates: Int[Array, ""]


# Maps (network, state of its learner, batch, key) to a loss; differentiated in the network.
TrainedLoss: TypeAlias = Callable[[PyTree, LearnerState, Batch, Key[Array, ""]], Scalar]


class Learner(eqx.Module):
    """An algorithm: how its networks are made and trained, and how they act.

    The loop, the evaluation, checkpoints, the memory estimate, loaded policies and reports use only
    these methods. `networks` below is the attribute of that name of a `LearnerState`.
    """

    @abc.abstractmethod
    def init(self, dims: EnvDims, key: Key[Array, ""]) -> LearnerState:
        """Return fresh networks and optimisers.

        Raises:
            SettingError: parts of the learner do not fit each other.
        """

    @abc.abstractmethod
    def relabel(self, replay: Replay, index: TransitionIndex, key: Key[Array, ""]) -> Batch:
        """Return the transitions at `index`, with the goals that this learner trains on."""

    @abc.abstractmethod
    def update(
        self, state: LearnerState, batch: Batch, key: Key[Array, ""]
    ) -> tuple[LearnerState, Metrics]:
        """Take one gradient step of every network on a batch."""

    @abc.abstractmethod
    def behaviour_actions(
        self,
        networks: PyTree,
        states: Float[Array, "B n"],
        goals: Float[Array, "B g"],
        key: Key[Array, ""],
    ) -> Float[Array, "B a"]:
        """Return the actions that collect training data."""

    @abc.abstractmethod
    def evaluation_actions(
        self,
        networks: PyTree,
        states: Float[Array, "B n"],
        goals: Float[Array, "B g"],
        key: Key[Array, ""],
    ) -> Float[Array, "B a"]:
        """Return the actions that the policy is scored by."""

    @abc.abstractmethod
    def trained_losses(self) -> dict[str, TrainedLoss]:
        """Return the losses that an update differentiates, by the network's name in `networks`."""

    def micro_batches(self) -> int:
        """Return in how many equal parts an update takes its batch; by default it takes it whole.

        The size of a batch must be a multiple of it.
        """
        return 1

    def learning_rates(self) -> dict[str, NetworkRate]:
        """Return the learning rates that are known, by the network's name in `networks`.

        By default none is known, and a run records none.
        """
        return {}
