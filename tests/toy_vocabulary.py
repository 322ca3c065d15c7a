"""A small vocabulary for tests of the language, with every kind of word and setting."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import equinox as eqx
import jax
import optax

from components.constraints import AtLeast, MultipleOf, PositiveFloat, PositiveInt, SettingError
from dsl.language.registry import Vocabulary


class Energy(eqx.Module):
    """Says how near two vectors are."""


class NegativeL2(Energy):
    """Minus the distance."""

    epsilon: float

    def __init__(self, epsilon: PositiveFloat = 1e-6):
        self.epsilon = epsilon


class Dot(Energy):
    """The inner product."""


class Network:
    """A network that remembers what it was made with."""

    def __init__(
        self,
        width: PositiveInt = 256,
        depth: Annotated[int, MultipleOf(4)] = 4,
        activation: Callable = jax.nn.swish,
        normalise: bool = True,
        *,
        in_size: int,
        key: Any,
    ):
        if width > in_size * 1000:
            raise SettingError("width", f"is {width}; an input of {in_size} allows less.")
        self.made_with = (width, depth, activation, normalise, in_size, key)


class Critic:
    """An energy between encodings.

    Args:
        encoder: plan of the encoder.
    """

    def __init__(
        self,
        encoder: Callable,
        energy: Energy = NegativeL2(),  # noqa: B008
        sizes: tuple[int, ...] = (),
        *,
        key: Any,
    ):
        self.encoder = encoder(in_size=3, key=key)
        self.energy, self.sizes = energy, sizes


@dataclass(frozen=True)
class Maze:
    """A task in a maze.

    Attributes:
        layout: which maze.
        episode_length: steps.
    """

    layout: Literal["u_maze", "big_maze"] = "u_maze"
    episode_length: PositiveInt = 200

    def __post_init__(self):
        if self.episode_length > 5000:
            raise SettingError("episode_length", f"is {self.episode_length}; 5000 is the most.")


@dataclass(frozen=True)
class Experiment:
    """Everything of a run.

    Attributes:
        environment: the task.
        critic: plan of the critic.
    """

    environment: Maze
    critic: Callable
    actor: Callable | None = None
    optimiser: optax.GradientTransformation | None = None
    seed: Annotated[int, AtLeast(0)] = 0
    steps: PositiveInt = 1000
    gamma: float = 0.99
    note: str | None = None


def toy_vocabulary() -> Vocabulary:
    """Return a new vocabulary of these words."""
    vocabulary = Vocabulary()
    vocabulary.add_root(Experiment)
    vocabulary.add_family("env", Maze)
    vocabulary.add_family("network", Network)
    vocabulary.add_family("critic", Critic)
    vocabulary.add_family("energy", NegativeL2, Dot)
    vocabulary.add_family("optimiser", optax.adam)
    vocabulary.add_constants("activation", swish=jax.nn.swish, relu=jax.nn.relu)
    return vocabulary


GOOD = """\
SEED = 3
WIDTH = 64

Experiment:
  environment = @env.Maze()
  critic = @critic/critic.Critic()
  actor = @actor/network.Network()
  optimiser = @optimiser.adam()
  seed = %SEED

critic.Critic.encoder = @network.Network()
optimiser.adam.learning_rate = 3e-4
network.Network.width = %WIDTH
critic/network.Network.depth = 64
actor/network.Network.activation = %activation.relu
"""
