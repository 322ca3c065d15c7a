"""Every word of the language, by family, in reading order.

`@family.Word()` builds a thing with the settings that a gin file gives it; `%family.name` is a
function as it stands.
"""

import jax

from components.actors.action_selection import BestOf, Mode, Sample
from components.actors.deterministic import DeterministicActor
from components.actors.tanh_gaussian import TanhGaussianActor
from components.critics.contrastive import ContrastiveCritic
from components.critics.q_ensemble import QEnsemble
from components.energies.quasimetric import NegativeMRN
from components.energies.similarities import Cosine, Dot, NegativeL1, NegativeL2, NegativeSquaredL2
from components.environments.core.physics.c import C
from components.environments.core.physics.mjx import MJX
from components.environments.core.physics.warp import Warp
from components.environments.tasks.ant import ant, ant_maze, ant_maze_stitching
from components.environments.tasks.ant_ball import ant_ball, ant_ball_maze
from components.environments.tasks.ant_push import ant_push
from components.environments.tasks.arm import (
    arm_binpick,
    arm_binpick_eef,
    arm_grasp,
    arm_push,
    arm_reach,
)
from components.environments.tasks.half_cheetah import half_cheetah
from components.environments.tasks.humanoid import humanoid, humanoid_maze
from components.environments.tasks.point import point_maze, point_maze_stitching
from components.environments.tasks.pusher import pusher
from components.environments.tasks.reacher import reacher
from components.learners.actor_critic import ActorCritic
from components.learners.implicit_q_learning import ImplicitQLearning
from components.learners.target_networks import Polyak
from components.learners.temperature import FixedTemperature, TunedTemperature
from components.losses.actor import DeterministicGradient, LogLikelihood, MaximumEntropy
from components.losses.c_learning import CLearning
from components.losses.contrastive import (
    DPO,
    IPO,
    SPPO,
    BinaryNCE,
    EmbeddingPenalty,
    FlatNCE,
    ForwardBackward,
    InfoNCE,
)
from components.losses.td import ClippedDoubleQ, SoftBellman
from components.networks import (
    HypersphericalMLP,
    ResidualMLP,
    StableResidualMLP,
    on_unit_spheres,
)
from components.optimisers.rated import adam, adamw, sgd
from components.optimisers.schedules import CosineDecay
from components.relabelling.strategies import (
    Commanded,
    EpisodeState,
    FinalState,
    GeometricFuture,
    Mixture,
    RandomState,
    UniformFuture,
)
from components.replay.trajectory_buffer import TrajectoryBuffer
from dsl.experiment import Experiment
from dsl.language.registry import constants, family, renamed_settings, renamed_words, root
from dsl.loop.evaluation_metrics import STANDARD_METRICS
from dsl.loop.evaluation_plan import FreshEpisodes
from dsl.tracking import Aim, Console, TensorBoard, WandB

root(Experiment)
renamed_settings("Experiment", fill_rows="prefill_steps")

# The task, what simulates it, and what is remembered of it.
family("env", PointMaze=point_maze, PointMazeStitching=point_maze_stitching)
family("env", Ant=ant, AntMaze=ant_maze, AntMazeStitching=ant_maze_stitching)
family("env", Humanoid=humanoid, HumanoidMaze=humanoid_maze, HalfCheetah=half_cheetah)
family("env", AntBall=ant_ball, AntBallMaze=ant_ball_maze, AntPush=ant_push)
family("env", Reacher=reacher, Pusher=pusher)
family("env", ArmReach=arm_reach, ArmGrasp=arm_grasp, ArmPush=arm_push)
family("env", ArmBinpick=arm_binpick, ArmBinpickEEF=arm_binpick_eef)
family("physics", MJX, C, Warp)
family("buffer", TrajectoryBuffer)
family("goal", Commanded, GeometricFuture, UniformFuture, FinalState, EpisodeState, RandomState)
family("goal", Mixture)

# The learner and the places in it.
family("learner", ActorCritic, ImplicitQLearning)
renamed_settings(
    "learner.ActorCritic",
    actor_every="policy_delay",
    collecting="behaviour_policy",
    evaluating="evaluation_policy",
)
family("actor", TanhGaussianActor, DeterministicActor)
family("critic", ContrastiveCritic, QEnsemble)
renamed_settings("critic.QEnsemble", judgement="aggregation")
family("energy", NegativeL2, NegativeSquaredL2, NegativeL1, NegativeMRN, Dot, Cosine)
family("network", ResidualMLP, StableResidualMLP, HypersphericalMLP)
family("loss", InfoNCE, FlatNCE, BinaryNCE, ForwardBackward, DPO, IPO, SPPO, EmbeddingPenalty)
family("loss", CLearning, SoftBellman, ClippedDoubleQ)
family("actor_loss", MaximumEntropy, DeterministicGradient, LogLikelihood)
family("temperature", TunedTemperature, FixedTemperature)
family("target", Polyak)
family("action_selection", Sample, Mode, BestOf)
renamed_words(
    {f"acting.{name}": f"action_selection.{name}" for name in ("Sample", "Mode", "BestOf")}
)

# What shows a run.
family("tracker", Aim, Console, WandB, TensorBoard)

# How policies are evaluated.
family("evaluation", FreshEpisodes)
constants("metric", **STANDARD_METRICS)

# Optimisers are those of Optax; one more keeps weights on unit spheres.
family("optimiser", adam, adamw, sgd, on_unit_spheres)
family("schedule", cosine_decay=CosineDecay)
constants(
    "activation",
    swish=jax.nn.swish,
    relu=jax.nn.relu,
    gelu=jax.nn.gelu,
    elu=jax.nn.elu,
    tanh=jax.nn.tanh,
)
