"""What a loss reads beside the network that it trains."""

from typing import NamedTuple

from jaxtyping import Array, Float, PyTree


class StopGradNetworks(NamedTuple):
    """A learner's networks as they were before the step; no gradient reaches them.

    Attributes:
        actor: the policy.
        critic: the critic, or None where the learner has none.
        temperature: weight of entropy, alpha; 0 where the learner has none.
        target_actor: the lagging policy; the policy itself where none is kept.
        target_critic: the lagging critic; the critic itself where none is kept.
    """

    actor: PyTree
    critic: PyTree
    temperature: Float[Array, ""]
    target_actor: PyTree
    target_critic: PyTree
