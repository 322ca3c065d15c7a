"""From places in the buffer to the one batch type that every learner trains on."""

from typing import NamedTuple, Protocol, runtime_checkable

import equinox as eqx
from jaxtyping import Array, Bool, Float, Int

from components.replay.trajectory_buffer import BufferState, TrajectoryBuffer, TransitionIndex


class Batch(NamedTuple):
    """Transitions with the goal they are to be judged by; B is the batch size.

    Attributes:
        state: observation without the goal, before the action.
        action: action taken, each entry in [-1, 1].
        next_state: observation after the action.
        goal: goal chosen by the relabelling word.
        achieved: goal that `next_state` achieves.
        reward: 1 where `next_state` lies inside the success radius of `goal`, else 0.
        discount: 0 where the episode terminated at `next_state`, else 1 (a time limit included;
            and as reaching a goal ends no episode, the same for every goal).
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
    """What relabelling needs to know of an environment."""

    def achieved_goal(self, state: Float[Array, "*b n"]) -> Float[Array, "*b g"]:
        """The goal that a state has reached."""
        ...

    def success(
        self, achieved: Float[Array, "*b g"], goal: Float[Array, "*b g"]
    ) -> Bool[Array, "*b"]:
        """Whether the achieved goal lies inside the success radius of the goal."""
        ...


class Replay(eqx.Module):
    """A filled buffer with the goal space of the task it was filled in."""

    buffer: TrajectoryBuffer
    state: BufferState
    goals: GoalSpace = eqx.field(static=True)

    def achieved(self, time: Int[Array, " B"], lane: Int[Array, " B"]) -> Float[Array, "B g"]:
        """The goals that the rows at these places achieved."""
        return self.goals.achieved_goal(self.buffer.read(self.state, time, lane).state)


def make_batch(replay: Replay, anchors: TransitionIndex, goal: Float[Array, "B g"]) -> Batch:
    """The transitions at `anchors`, rewarded as if `goal` had been commanded."""
    row = replay.buffer.read(replay.state, anchors.time, anchors.lane)
    successor = replay.buffer.read(replay.state, anchors.time + 1, anchors.lane)
    achieved = replay.goals.achieved_goal(successor.state)
    reached = replay.goals.success(achieved, goal)
    return Batch(
        state=row.state,
        action=row.action,
        next_state=successor.state,
        goal=goal,
        achieved=achieved,
        reward=reached.astype(row.reward.dtype),
        discount=row.discount,
    )
