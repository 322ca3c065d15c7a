"""What a critic makes of every place in a maze, on the way to one goal."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from components.environments.core.goal_environment import EnvState, GoalEnvironment
from components.environments.mazes.maze import Maze
from components.environments.mazes.position_grid import (
    PositionGrid,
    cells_between,
    make_position_grid,
)
from components.protocols import Critic, PairCritic
from dsl.report.figures.style import MARK, add_legend, label_y, make_panels
from dsl.training.policy import Policy

PER_CELL = 10
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
    places: PositionGrid
    values: np.ndarray
    start: np.ndarray
    goal: np.ndarray
    symbol: str


def value_landscape(policy: Policy) -> Landscape | None:
    """Evaluate f(s, pi(s, g), g) with the robot at rest at every free place, for one goal.

    Of 64 starts and goals of the task, take the pair farthest apart around the walls. The robot is
    moved from place to place and otherwise stays as it was at that start.

    Returns:
        The values; None where the task has no maze or the learner no critic.
    """
    env, critic = policy.experiment.eval_env, policy.critic
    maze = env.task.maze
    if maze is None or critic is None:
        return None
    state = _farthest(env, maze)
    grid = make_position_grid(maze, PER_CELL)
    positions = jnp.asarray(grid.free_positions())
    found = np.asarray(_values(policy, critic, env, state, positions))
    values = np.full(grid.free.shape, np.nan)
    values[grid.free] = found
    symbol = "f" if isinstance(critic, PairCritic) else "Q"
    start, goal = np.asarray(state.physics_state.qpos[:2]), np.asarray(state.goal[:2])
    return Landscape(maze, grid, values, start, goal, symbol)


def _farthest(env: GoalEnvironment, maze: Maze) -> EnvState:
    keys = jax.random.split(jax.random.key(_SEED), _DRAWN)
    drawn, _ = jax.jit(jax.vmap(env.reset))(keys)
    starts, goals = np.asarray(drawn.physics_state.qpos)[:, :2], np.asarray(drawn.goal)[:, :2]
    ways = [cells_between(maze, *pair) or 0 for pair in zip(starts, goals, strict=True)]
    return jax.tree.map(lambda leaf: leaf[int(np.argmax(ways))], drawn)


@eqx.filter_jit
def _values(
    policy: Policy, critic: Critic, env: GoalEnvironment, state: EnvState, positions: Any
) -> Any:
    states = env.states_at_positions(state, positions)
    goals = jnp.broadcast_to(state.goal, (len(states), len(state.goal)))
    actions = policy(states, goals, jax.random.key(_SEED))
    return jax.vmap(critic)(states, actions, goals)


def landscapes_figure(titles: Sequence[str], found: Sequence[Landscape]) -> Figure:
    """Draw a panel per critic, each with its own colour scale: critics share none."""
    flat = max(one.values.shape[1] / one.values.shape[0] for one in found)
    wide = 2.7 if len(found) == 1 else 1.8
    height = wide * flat + 1.1 + 0.16 * max(title.count("\n") for title in titles)
    figure, axes = make_panels(titles, height=height)
    for panel, one in zip(axes, found, strict=True):
        _draw(figure, panel, one)
    label_y(axes, ["y (m)"] * len(axes))
    add_legend(figure, axes, "")
    return figure


def _draw(figure: Figure, panel: Axes, one: Landscape) -> None:
    panel.set_facecolor(WALLS)
    panel.grid(False)
    values = np.ma.masked_invalid(one.values.T)
    mesh = panel.pcolormesh(one.places.x, one.places.y, values, rasterized=True)
    edge = 0.6 * one.maze.scale  # of the wall around the maze a strip is enough
    x, y = (ends[[0, -1]] + np.array([edge, -edge]) for ends in one.places[:2])
    panel.set(xlim=x, ylim=y, aspect="equal", xlabel="x (m)")
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    label = rf"${one.symbol}(s, \pi(s, g), g)$"
    figure.colorbar(mesh, ax=panel, label=label, location="bottom", aspect=30)
    marked = {"markeredgecolor": "black", "linestyle": "none", "markeredgewidth": 0.6}
    panel.plot(*one.start, "o", color="white", label="start", markersize=5, **marked)
    panel.plot(*one.goal, "*", color=MARK, label="goal", markersize=9, **marked)
