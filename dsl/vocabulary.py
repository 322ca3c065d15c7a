"""Every word of the language, by family, in reading order.

`@family.Word()` builds a thing with the settings that a gin file gives it; `%family.name` is a
function as it stands.
"""

import jax
import optax

from components.actors import TanhGaussianActor
from components.buffers import TrajectoryBuffer
from components.critics import ContrastiveCritic
from components.energies import Cosine, Dot, NegativeL1, NegativeL2, NegativeSquaredL2
from components.environments.tasks.ant import ant, ant_maze
from components.environments.tasks.point import point_maze
from components.goals import GeometricFuture
from components.learner import ActorCritic
from components.losses.actor import MaximumEntropy
from components.losses.contrastive import BinaryNCE, FlatNCE, InfoNCE
from components.networks import ResidualMLP, StableResidualMLP
from components.temperature import FixedTemperature, TunedTemperature
from dsl.experiment import Experiment
from dsl.registry import constants, family, root

root(Experiment)

# The task, and what is remembered of it.
family("env", PointMaze=point_maze, Ant=ant, AntMaze=ant_maze)
family("buffer", TrajectoryBuffer)
family("goal", GeometricFuture)

# The learner and the places in it.
family("learner", ActorCritic)
family("actor", TanhGaussianActor)
family("critic", ContrastiveCritic)
family("energy", NegativeL2, NegativeSquaredL2, NegativeL1, Dot, Cosine)
family("network", ResidualMLP, StableResidualMLP)
family("loss", InfoNCE, BinaryNCE, FlatNCE)
family("actor_loss", MaximumEntropy)
family("temperature", TunedTemperature, FixedTemperature)

# Borrowed from JAX and Optax.
family("optimiser", optax.adam, optax.adamw, optax.sgd)
family("schedule", cosine_decay=optax.cosine_decay_schedule)
constants(
    "activation",
    swish=jax.nn.swish,
    relu=jax.nn.relu,
    gelu=jax.nn.gelu,
    elu=jax.nn.elu,
    tanh=jax.nn.tanh,
)
