"""How much every residual block adds, along the depth of a trained network."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.learners.inspection import block_norms, network_inputs
from components.networks.layers import LAYERS_PER_BLOCK
from dsl.report.data.policies import Trained
from dsl.report.figures.style import (
    add_legend,
    line_styles,
    make_panels,
    set_log_x_axis,
    start_y_at_zero,
)

STATES = 512


class Profile(NamedTuple):
    """Means over states of what the blocks of one network add.

    Attributes:
        added: L2 norm of what a block adds to the residual stream (blocks,).
        share: the same by the norm of the stream that enters the block (blocks,).
    """

    added: np.ndarray
    share: np.ndarray

    @property
    def layers(self) -> np.ndarray:
        """Dense layers up to the end of each block."""
        return LAYERS_PER_BLOCK * (1 + np.arange(len(self.added)))


def network_profiles(trained: Trained) -> dict[str, Profile]:
    """Measure a policy's networks by role, over states spread evenly over its episodes."""
    running = np.asarray(trained.episodes.running)
    states, goals = (np.asarray(x)[running] for x in trained.episodes.observation)
    some = np.linspace(0, len(states) - 1, min(STATES, len(states))).astype(int)
    states, goals = jnp.asarray(states[some]), jnp.asarray(goals[some])
    actions = trained.policy(states, goals)
    networks = trained.policy.networks
    found = _means(networks, states, actions, goals)
    # The order of the networks themselves: JAX sorts dicts.
    names = network_inputs(networks, states[0], actions[0], goals[0])
    return {name: Profile(*map(np.asarray, found[name])) for name in names if name in found}


@eqx.filter_jit
def _means(networks: Any, states: Any, actions: Any, goals: Any) -> dict[str, tuple]:
    norms = jax.vmap(lambda *one: block_norms(network_inputs(networks, *one)))(
        states, actions, goals
    )
    return {
        role: (jnp.mean(one.added, axis=0), jnp.mean(one.added / one.stream, axis=0))
        for role, one in norms.items()
    }


def profile_figure(titles: Sequence[str], found: Sequence[dict[str, Profile]]) -> Figure:
    """Draw norms above and shares of the stream below, a column per network."""
    roles = list(dict.fromkeys(role for one in found for role in one))
    figure, axes = make_panels([*roles, *[""] * len(roles)], most=len(roles), height=1.7)
    labels = [title.replace("\n", ", ") for title in titles]
    shown = line_styles(labels, ordered=all(map(_ends_in_number, labels)))
    for i, role in enumerate(roles):
        for label, one in zip(labels, found, strict=True):
            if role in one:
                _draw(axes[i], one[role].layers, one[role].added, shown[label], label)
                _draw(axes[len(roles) + i], one[role].layers, one[role].share, shown[label], label)
        axes[len(roles) + i].set_xlabel("layer")
    axes[0].set_ylabel("norm added (L2)")
    axes[len(roles)].set_ylabel("added / stream")
    deepest = max(int(p.layers[-1]) for one in found for p in one.values())
    for panel in axes:
        set_log_x_axis(panel, depth_ticks(deepest), exact=True)
        panel.set_xlim(0.85 * LAYERS_PER_BLOCK, deepest / 0.85)
        start_y_at_zero(panel)
    add_legend(figure, axes, "")
    return figure


def depth_ticks(deepest: int) -> list[int]:
    """Choose depths to mark on a logarithmic axis, each with room for its label."""
    room = (deepest / LAYERS_PER_BLOCK) ** 0.2  # a fifth of the axis
    doubled = [LAYERS_PER_BLOCK << i for i in range((deepest // LAYERS_PER_BLOCK).bit_length())]
    kept = [deepest]
    for depth in reversed(doubled):
        if depth < deepest and kept[-1] >= room * depth:
            kept.append(depth)
    return kept


def _ends_in_number(label: str) -> bool:
    """Return whether a label is one setting with a number, such as `critic depth 4`."""
    return label[-1:].isdigit() and "," not in label


def _draw(panel: Axes, layers: np.ndarray, values: np.ndarray, look: Any, label: str) -> None:
    doubled = [i for i in range(len(layers)) if (i + 1).bit_count() == 1]  # even on this axis
    form = f"{look.marker}{look.dashes}"
    (line,) = panel.plot(layers, values, form, color=look.colour, label=label, markersize=3)
    line.set_markevery(doubled)
