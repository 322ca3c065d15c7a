"""Parts of goal-reaching agents, which the words of gin files build.

    from components import ActorCritic, InfoNCE, ResidualMLP

Names are imported when they are first used, so that importing one part does not load the others.
Environments are in `components.environments`, the types of all parts in `components.protocols`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.actors.action_selection import BestOf, Mode, Sample
    from components.actors.deterministic import DeterministicActor
    from components.actors.tanh_gaussian import TanhGaussianActor
    from components.critics.contrastive import ContrastiveCritic
    from components.critics.q_ensemble import QEnsemble
    from components.energies.quasimetric import NegativeMRN
    from components.energies.similarities import (
        Cosine,
        Dot,
        NegativeL1,
        NegativeL2,
        NegativeSquaredL2,
    )
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

_MODULES = {
    "ActorCritic": "components.learners.actor_critic",
    "BestOf": "components.actors.action_selection",
    "BinaryNCE": "components.losses.contrastive",
    "CLearning": "components.losses.c_learning",
    "ClippedDoubleQ": "components.losses.td",
    "Commanded": "components.relabelling.strategies",
    "ContrastiveCritic": "components.critics.contrastive",
    "Cosine": "components.energies.similarities",
    "CosineDecay": "components.optimisers.schedules",
    "DPO": "components.losses.contrastive",
    "DeterministicActor": "components.actors.deterministic",
    "DeterministicGradient": "components.losses.actor",
    "Dot": "components.energies.similarities",
    "EmbeddingPenalty": "components.losses.contrastive",
    "EpisodeState": "components.relabelling.strategies",
    "FinalState": "components.relabelling.strategies",
    "FixedTemperature": "components.learners.temperature",
    "FlatNCE": "components.losses.contrastive",
    "ForwardBackward": "components.losses.contrastive",
    "GeometricFuture": "components.relabelling.strategies",
    "HypersphericalMLP": "components.networks",
    "IPO": "components.losses.contrastive",
    "ImplicitQLearning": "components.learners.implicit_q_learning",
    "InfoNCE": "components.losses.contrastive",
    "LogLikelihood": "components.losses.actor",
    "MaximumEntropy": "components.losses.actor",
    "Mixture": "components.relabelling.strategies",
    "Mode": "components.actors.action_selection",
    "NegativeL1": "components.energies.similarities",
    "NegativeL2": "components.energies.similarities",
    "NegativeMRN": "components.energies.quasimetric",
    "NegativeSquaredL2": "components.energies.similarities",
    "Polyak": "components.learners.target_networks",
    "QEnsemble": "components.critics.q_ensemble",
    "RandomState": "components.relabelling.strategies",
    "ResidualMLP": "components.networks",
    "SPPO": "components.losses.contrastive",
    "Sample": "components.actors.action_selection",
    "SoftBellman": "components.losses.td",
    "StableResidualMLP": "components.networks",
    "TanhGaussianActor": "components.actors.tanh_gaussian",
    "TrajectoryBuffer": "components.replay.trajectory_buffer",
    "TunedTemperature": "components.learners.temperature",
    "UniformFuture": "components.relabelling.strategies",
    "adam": "components.optimisers.rated",
    "adamw": "components.optimisers.rated",
    "on_unit_spheres": "components.networks",
    "sgd": "components.optimisers.rated",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
