"""Relabelling and acting, which are the same for every learner with one actor."""

import equinox as eqx
from jaxtyping import Array, Float, Key

from components.actors.action_selection import ActionSelection, select_actions
from components.learners.inspection import critic_of
from components.protocols import Learner
from components.relabelling.strategies import Relabelling
from components.replay.batch import Batch, Replay, make_batch
from components.replay.trajectory_buffer import TransitionIndex


class PolicyLearner(Learner):
    """A learner whose `networks` have an `actor`, and a `critic` if the learner trains one.

    Attributes:
        relabelling: chooses the goal of every transition.
        behaviour_policy: selects the actions that collect training data.
        evaluation_policy: selects the actions that the policy is scored by.
    """

    relabelling: eqx.AbstractVar[Relabelling]
    behaviour_policy: eqx.AbstractVar[ActionSelection]
    evaluation_policy: eqx.AbstractVar[ActionSelection]

    def relabel(self, replay: Replay, index: TransitionIndex, key: Key[Array, ""]) -> Batch:
        return make_batch(replay, index, self.relabelling(replay, index, key))

    def behaviour_actions(
        self,
        networks: eqx.Module,
        states: Float[Array, "B n"],
        goals: Float[Array, "B g"],
        key: Key[Array, ""],
    ) -> Float[Array, "B a"]:
        return _select(self.behaviour_policy, networks, states, goals, key)

    def evaluation_actions(
        self,
        networks: eqx.Module,
        states: Float[Array, "B n"],
        goals: Float[Array, "B g"],
        key: Key[Array, ""],
    ) -> Float[Array, "B a"]:
        return _select(self.evaluation_policy, networks, states, goals, key)


def _select(
    rule: ActionSelection,
    networks: eqx.Module,
    states: Float[Array, "B n"],
    goals: Float[Array, "B g"],
    key: Key[Array, ""],
) -> Float[Array, "B a"]:
    actor = vars(networks)["actor"]
    return select_actions(rule, actor, critic_of(networks), states, goals, key)
