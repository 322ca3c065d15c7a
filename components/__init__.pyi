from .actors.action_selection import BestOf, Mode, Sample
from .actors.deterministic import DeterministicActor
from .actors.tanh_gaussian import TanhGaussianActor
from .critics.contrastive import ContrastiveCritic
from .critics.q_ensemble import QEnsemble
from .energies.quasimetric import NegativeMRN
from .energies.similarities import (
    Cosine,
    Dot,
    NegativeL1,
    NegativeL2,
    NegativeSquaredL2,
)
from .learners.actor_critic import ActorCritic
from .learners.implicit_q_learning import ImplicitQLearning
from .learners.target_networks import Polyak
from .learners.temperature import FixedTemperature, TunedTemperature
from .losses.actor import DeterministicGradient, LogLikelihood, MaximumEntropy
from .losses.c_learning import CLearning
from .losses.contrastive import (
    DPO,
    IPO,
    SPPO,
    BinaryNCE,
    EmbeddingPenalty,
    FlatNCE,
    ForwardBackward,
    InfoNCE,
)
from .losses.td import ClippedDoubleQ, SoftBellman
from .networks import (
    HypersphericalMLP,
    ResidualMLP,
    StableResidualMLP,
    on_unit_spheres,
)
from .optimisers.rated import adam, adamw, sgd
from .optimisers.schedules import CosineDecay
from .relabelling.strategies import (
    Commanded,
    EpisodeState,
    FinalState,
    GeometricFuture,
    Mixture,
    RandomState,
    UniformFuture,
)
from .replay.trajectory_buffer import TrajectoryBuffer

__all__ = [
    "DPO",
    "IPO",
    "SPPO",
    "ActorCritic",
    "BestOf",
    "BinaryNCE",
    "CLearning",
    "ClippedDoubleQ",
    "Commanded",
    "ContrastiveCritic",
    "Cosine",
    "CosineDecay",
    "DeterministicActor",
    "DeterministicGradient",
    "Dot",
    "EmbeddingPenalty",
    "EpisodeState",
    "FinalState",
    "FixedTemperature",
    "FlatNCE",
    "ForwardBackward",
    "GeometricFuture",
    "HypersphericalMLP",
    "ImplicitQLearning",
    "InfoNCE",
    "LogLikelihood",
    "MaximumEntropy",
    "Mixture",
    "Mode",
    "NegativeL1",
    "NegativeL2",
    "NegativeMRN",
    "NegativeSquaredL2",
    "Polyak",
    "QEnsemble",
    "RandomState",
    "ResidualMLP",
    "Sample",
    "SoftBellman",
    "StableResidualMLP",
    "TanhGaussianActor",
    "TrajectoryBuffer",
    "TunedTemperature",
    "UniformFuture",
    "adam",
    "adamw",
    "on_unit_spheres",
    "sgd",
]
