"""What a critic makes of every place in a maze, on the way to one goal."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.critics import ContrastiveCritic
from components.environments.goal_environment import GoalEnvironment, State
from components.environments.maze_places import Places, cells_between, places, states_at
from components.environments.mazes import Maze
from components.learner import Networks, act
from dsl.policy import Policy
from dsl.report.style import panels

PER_CELL = 8
_DRAWN, _SEED = 64, 0
WALLS = "#6c757d"


class Landscape(NamedTuple):
    """Values over a maze.

    Attributes:
        maze: that the robot is in.
        places: grid of the values.
        values: f(s, pi(s, g), g), NaN in walls, (rows, columns).
        start: x and y of a start far from the goal (metres).
        goal: x and y of the goal (metres).
        symbol: of the value, for its axis.
    """

    maze: Maze
    places: Places
    values: np.ndarray
    start: np.ndarray
    goal: np.ndarray
    symbol: str


def landscape(policy: Policy) -> Landscape | None:
    """f(s, pi(s, g), g) with the robot at rest at every free place, for one goal.

    The goal is the one farthest from its start, around the walls, of 64 starts and goals of the
    task. But for its place the robot is as at that start.

    Returns:
        The values; None where the task has no maze or the learner no critic.
    """
    task, critic = policy.experiment.scored, policy.networks.critic
    maze = task.task.maze
    if maze is None or critic is None:
        return None
    state = _farthest(task, maze)
    grid = places(maze, PER_CELL)
    positions = jnp.asarray(grid.positions())
    found = np.asarray(_values(policy, task, state, positions))
    values = np.full(grid.free.shape, np.nan)
    values[grid.free] = found
    symbol = "f" if isinstance(critic, ContrastiveCritic) else "Q"
    start, goal = np.asarray(state.body.qpos[:2]), np.asarray(state.goal[:2])
    return Landscape(maze, grid, values, start, goal, symbol)


def _farthest(task: GoalEnvironment, maze: Maze) -> State:
    keys = jax.random.split(jax.random.key(_SEED), _DRAWN)
    drawn, _ = jax.jit(jax.vmap(task.reset))(keys)
    starts, goals = np.asarray(drawn.body.qpos)[:, :2], np.asarray(drawn.goal)[:, :2]
    ways = [cells_between(maze, *pair) or 0 for pair in zip(starts, goals, strict=True)]
    return jax.tree.map(lambda leaf: leaf[int(np.argmax(ways))], drawn)


@eqx.filter_jit
def _values(policy: Policy, task: GoalEnvironment, state: State, positions: Any) -> Any:
    states = states_at(task, state, positions)
    goals = jnp.broadcast_to(state.goal, (len(states), len(state.goal)))
    networks: Networks = policy.networks
    actions = act(policy.acting, networks, states, goals, jax.random.key(_SEED))
    return jax.vmap(networks.critic)(states, actions, goals)


def landscapes(titles: Sequence[str], found: Sequence[Landscape]) -> Figure:
    """A panel for every critic, each with colours of its own: critics have no common scale."""
    height = 2.9 if len(found) == 1 else 2.5 + 0.15 * max(t.count("\n") for t in titles)
    figure, axes = panels(titles, height=height)
    for panel, one in zip(axes, found, strict=True):
        _draw(figure, panel, one)
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, handlelength=1
    )
    return figure


def _draw(figure: Figure, panel: Axes, one: Landscape) -> None:
    panel.set_facecolor(WALLS)
    panel.grid(False)
    mesh = panel.pcolormesh(
        one.places.x, one.places.y, np.ma.masked_invalid(one.values.T), rasterized=True
    )
    panel.set(aspect="equal", xlabel="x (m)", ylabel="y (m)")
    label = rf"${one.symbol}(s, \pi(s, g), g)$"
    figure.colorbar(mesh, ax=panel, label=label, shrink=0.8, aspect=20)
    marked = {"markeredgecolor": "black", "linestyle": "none", "markeredgewidth": 0.6}
    panel.plot(*one.start, "o", color="white", label="start", markersize=5, **marked)
    panel.plot(*one.goal, "*", color="#D55E00", label="goal", markersize=9, **marked)
