"""Draw charts of episodes: the paths seen from above, or the distance to the goal over time.

All functions return an image (height, width, 3) of uint8. None needs OpenGL.
"""

from collections.abc import Sequence
from pathlib import Path

import jax.numpy as jnp
import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from components.environments.core.goal_environment import GoalEnvironment

WALL_COLOUR = "#8d99ae"
GOAL_COLOUR = "#2a9d3f"


def draw_overview(
    env: GoalEnvironment,
    achieved: Sequence[np.ndarray],
    goals: Sequence[np.ndarray],
    file: Path | None = None,
) -> np.ndarray:
    """Draw paths from above if goals are places on the floor or in space, else distances over time.

    Args:
        env: the task.
        achieved: per episode the achieved goals, (time, g).
        goals: per episode the goal, (time, g); it may move.
        file: where to write a PNG, if anywhere.
    """
    if env.dims.goal in (2, 3):
        return draw_top_view(env, achieved, np.stack([goal[-1] for goal in goals]), file)
    pairs = zip(achieved, goals, strict=True)
    distances = [np.asarray(env.distance(jnp.asarray(a), jnp.asarray(g))) for a, g in pairs]
    return draw_distances(env, distances, file)


def draw_distances(
    env: GoalEnvironment, distances: Sequence[np.ndarray], file: Path | None = None
) -> np.ndarray:
    """Draw the distance to the goal over time, a line per episode; below the green line is success.

    Args:
        env: the task.
        distances: per episode, (time,) (metres).
        file: where to write a PNG, if anywhere.
    """
    figure = Figure(figsize=(6, 6), dpi=100, layout="constrained")
    axes = figure.add_subplot(xlabel="time (s)", ylabel="distance to the goal (m)")
    for distance in distances:
        axes.plot(env.task.physics.control_step * np.arange(len(distance)), distance)
    axes.axhline(env.task.success_radius, color=GOAL_COLOUR, linestyle="--", label="success")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return _image(figure, file)


def draw_top_view(
    env: GoalEnvironment,
    paths: Sequence[np.ndarray],
    goals: np.ndarray,
    file: Path | None = None,
) -> np.ndarray:
    """Draw the task from above, x to the right and y upwards, in metres.

    One path is coloured by time, dark to light; several have a colour each.

    Args:
        env: the task.
        paths: per episode the positions (time, 2 or more) of the robot; x and y come first.
        goals: per episode the goal, (episodes, 2 or more).
        file: where to write a PNG, if anywhere.

    Raises:
        ValueError: the numbers of goals and paths differ, or there is no path.
    """
    if len(paths) == 0 or len(paths) != len(goals):
        raise ValueError(
            f"draw_top_view: found {len(paths)} paths and {len(goals)} goals; "
            "give one goal for each path, and at least one path."
        )
    figure = Figure(figsize=(6, 6), dpi=100, layout="constrained")
    axes = figure.add_subplot(xlabel="x (m)", ylabel="y (m)", aspect="equal")
    _draw_maze(axes, env)
    _draw_paths(figure, axes, [np.asarray(p)[:, :2] for p in paths], env)
    _draw_goals(axes, np.asarray(goals)[:, :2], env.task.success_radius)
    axes.autoscale_view()
    return _image(figure, file)


def _draw_maze(axes: Axes, env: GoalEnvironment) -> None:
    if env.task.maze is None:
        axes.grid(color="0.9")
        return
    walls = env.task.maze.walls
    for centre, half in zip(walls.centre, walls.half, strict=True):
        axes.add_patch(Rectangle(centre - half, *(2 * half), color=WALL_COLOUR, linewidth=0))


def _draw_paths(figure: Figure, axes: Axes, paths: list[np.ndarray], env: GoalEnvironment) -> None:
    if len(paths) == 1:
        _draw_timed_path(figure, axes, paths[0], env.task.physics.control_step)
    else:
        colours = matplotlib.colormaps["tab10"]
        for i, path in enumerate(paths):
            axes.plot(*path.T, color=colours(i % 10), linewidth=1.5)
    first = np.array([path[0] for path in paths])
    axes.scatter(*first.T, s=40, color="black", zorder=3, label="start")


def _draw_timed_path(figure: Figure, axes: Axes, path: np.ndarray, seconds: float) -> None:
    """Draw one path, coloured by the time since its start (`seconds` per step)."""
    pieces = np.stack([path[:-1], path[1:]], axis=1)
    lines = LineCollection(list(pieces), cmap="viridis", linewidths=2)
    lines.set_array(seconds * np.arange(len(pieces)))
    axes.add_collection(lines)
    figure.colorbar(lines, ax=axes, label="time (s)", shrink=0.7)


def _draw_goals(axes: Axes, goals: np.ndarray, radius: float) -> None:
    """Draw each goal as a star inside the circle that counts as reached."""
    for goal in np.unique(goals, axis=0):
        axes.add_patch(Circle(tuple(goal), radius, color=GOAL_COLOUR, alpha=0.3, linewidth=0))
    axes.scatter(*goals.T, s=60, marker="*", color=GOAL_COLOUR, zorder=3, label="goal")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.09), ncols=2, frameon=False)


def _image(figure: Figure, file: Path | None) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    if file is not None:
        figure.savefig(file)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
