"""The contrastive learner that tests of the loop train."""

from functools import partial

from components.actors.tanh_gaussian import TanhGaussianActor
from components.critics.contrastive import ContrastiveCritic
from components.learners.actor_critic import ActorCritic
from components.losses.contrastive import InfoNCE
from components.networks import ResidualMLP
from components.relabelling.strategies import GeometricFuture


def contrastive(width, depth, actor_loss, optimiser, kernel="auto", **settings):
    """Actor and both encoders have networks of this size, trained by the same optimiser."""
    network = partial(ResidualMLP, width=width, depth=depth, kernel=kernel)
    return contrastive_with(network, actor_loss, optimiser, **settings)


def contrastive_with(network, actor_loss, optimiser, **settings):
    """Actor and both encoders are such networks."""
    return ActorCritic(
        actor=partial(TanhGaussianActor, network),
        critic=partial(ContrastiveCritic, network, network),
        critic_loss=InfoNCE(),
        actor_loss=actor_loss,
        relabelling=GeometricFuture(0.9),
        actor_optimiser=optimiser,
        critic_optimiser=optimiser,
        **settings,
    )
