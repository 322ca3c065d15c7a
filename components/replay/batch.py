"""Batches: transitions from the buffer with the goals that a learner trains on."""

from typing import NamedTuple, Protocol, runtime_checkable

import equinox as eqx
from jaxtyping import Array, Bool, Float, Int

from components.replay.trajectory_buffer import BufferState, TrajectoryBuffer, TransitionIndex


class Batch(NamedTuple):
    """Transitions, each with the goal that defines its reward; B is the batch size.

    Attributes:
        state: observation without the goal, before the action.
        action: action taken, each entry in [-1, 1].
        next_state: observation after the action.
        goal: goal chosen by the relabelling.
        achieved: goal that `next_state` achieves.
        reward: 1 if `next_state` lies inside the success radius of `goal`, else 0.
        discount: 0 if the episode terminated at `next_state`, else 1. It is 1 at a time limit.
            Reaching a goal does not end an episode, so relabelling does not change it.
    """

    state: Float[Array, "B n"]
    action: Float[Array, "B a"]
    next_state: Float[Array, "B n"]
    goal: Float[Array, "B g"]
    achieved: Float[Array, "B g"]
    reward: Float[Array, " B"]
    discount: Float[Array, " B"]


@runtime_checkable
class GoalSpace(Protocol):
    """The part of an environment that relabelling needs."""

    def achieved_goal(self, state: Float[Array, "*b n"]) -> Float[Array, "*b g"]:
        """Return the goal that a state achieves."""
        ...

    def success(
        self, achieved: Float[Array, "*b g"], goal: Float[Array, "*b g"]
    ) -> Bool[Array, "*b"]:
        """Return whether the achieved goal lies inside the success radius of the goal."""
        ...


class Replay(eqx.Module):
    """A filled buffer with the goal space of the task that filled it."""

    buffer: TrajectoryBuffer
    state: BufferState
    goal_space: GoalSpace = eqx.field(static=True)

    def achieved_goals(self, time: Int[Array, " B"], env: Int[Array, " B"]) -> Float[Array, "B g"]:
        """Return the goals that these rows achieved."""
        return self.goal_space.achieved_goal(self.buffer.read(self.state, time, env).state)


def make_batch(replay: Replay, index: TransitionIndex, goal: Float[Array, "B g"]) -> Batch:
    """Return the transitions at `index`, rewarded as if `goal` had been commanded."""
    row = replay.buffer.read(replay.state, index.time, index.env)
    successor = replay.buffer.read(replay.state, index.time + 1, index.env)
    achieved = replay.goal_space.achieved_goal(successor.state)
    reached = replay.goal_space.success(achieved, goal)
    return Batch(
        state=row.state,
        action=row.action,
        next_state=successor.state,
        goal=goal,
        achieved=achieved,
        reward=reached.astype(row.reward.dtype),
        discount=row.discount,
    )
