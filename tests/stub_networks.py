"""Actors and critics made of one function each."""

from collections.abc import Callable
from typing import Any

import equinox as eqx

from components.protocols import EnsembleCritic, StochasticActor


class FunctionActor(StochasticActor):
    """An actor that answers with `function(state, goal)`."""

    function: Callable[..., Any] = eqx.field(static=True)

    def __call__(self, state, goal):
        return self.function(state, goal)

    def network_inputs(self, state, action, goal):  # noqa: ARG002
        return {}


class FunctionCritic(EnsembleCritic):
    """A critic of one member, whose value is `function(state, action, goal)`."""

    function: Callable[..., Any] = eqx.field(static=True)

    def __call__(self, state, action, goal):
        return self.function(state, action, goal)

    def values(self, state, action, goal):
        return self(state, action, goal)[None]

    def network_inputs(self, state, action, goal):  # noqa: ARG002
        return {}
