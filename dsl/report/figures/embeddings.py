"""Where a critic puts the states and actions of one episode: phi(s, a), projected."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from components.protocols import PairCritic
from dsl.report.data.policies import Episode, Trained
from dsl.report.figures.style import MARK, add_legend, make_panels


class Embedded(NamedTuple):
    """The embeddings of an episode along their two principal components.

    Attributes:
        points: projections (time, 2).
        shares: of the variance, explained by each component.
        seconds: between two points.
        reached: whether the episode reached its goal.
    """

    points: np.ndarray
    shares: np.ndarray
    seconds: float
    reached: bool


def principal_components(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project (n, d) onto its two directions of largest variance; return their shares too.

    The largest entry of a direction is positive, so that the same vectors give the same picture.
    """
    centred = np.asarray(vectors, np.float64) - np.mean(vectors, axis=0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    first = directions[:2]
    largest = first[np.arange(len(first)), np.abs(first).argmax(axis=1)]
    variance = np.square(sizes)
    shares = variance[:2] / max(variance.sum(), np.finfo(float).tiny)
    return centred @ (first * np.sign(largest)[:, None]).T, shares


def embed_episode(trained: Trained, episode: Episode) -> Embedded | None:
    """phi(s, pi(s, g)) along an episode; None where the critic has no such embedding."""
    critic = trained.policy.critic
    if not isinstance(critic, PairCritic) or len(episode.states) < 3:
        return None
    states, goals = jnp.asarray(episode.states), jnp.asarray(episode.goals)
    vectors = np.asarray(_embed(critic, states, trained.policy(states, goals), goals))
    points, shares = principal_components(vectors)
    return Embedded(points, shares, trained.env.task.physics.control_step, episode.reached)


@eqx.filter_jit
def _embed(critic: PairCritic, states: Any, actions: Any, goals: Any) -> Any:
    return critic.pairs(states, actions, goals).state_actions


def embeddings_figure(titles: Sequence[str], found: Sequence[Embedded]) -> Figure:
    """Draw a panel per critic; colour is the time since the start of the episode."""
    figure, axes = make_panels(titles, height=2.2 + 0.15 * max(t.count("\n") for t in titles))
    longest = max(one.seconds * len(one.points) for one in found)
    for panel, one in zip(axes, found, strict=True):
        lines = _draw(panel, one, longest)
    figure.colorbar(lines, ax=axes, label="time (s)", aspect=25)
    add_legend(figure, axes, "")
    return figure


def _draw(panel: Axes, one: Embedded, longest: float) -> LineCollection:
    pieces = np.stack([one.points[:-1], one.points[1:]], axis=1)
    lines = LineCollection(list(pieces), cmap="viridis", linewidths=1, clim=(0, longest))
    times = one.seconds * np.arange(len(one.points))
    lines.set_array(times[:-1])
    panel.add_collection(lines)
    panel.scatter(*one.points.T, c=times, s=4, vmin=0, vmax=longest, zorder=2)
    marked = {"markeredgecolor": "black", "linestyle": "none", "markeredgewidth": 0.6}
    panel.plot(*one.points[0], "o", color="white", label="start", markersize=5, **marked)
    panel.plot(*one.points[-1], "s", color=MARK, label="end", markersize=4, **marked)
    if not one.reached:
        panel.set_title(f"{panel.get_title()}\n(goal not reached)".strip())
    first, second = (f"{100 * share:.0f}%" for share in one.shares)
    panel.set(xlabel=f"component 1 ({first} of variance)", ylabel=f"component 2 ({second})")
    panel.autoscale_view()
    return lines
