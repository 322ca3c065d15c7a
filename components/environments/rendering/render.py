"""Pictures without a screen: a maze from above with the paths taken, and the robot itself in 3-D.

Both return an image (height, width, 3) of uint8. `top_view` needs no graphics library.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from components.environments.goal_environment import GoalEnvironment, State
from components.environments.rendering.camera import photograph

WALL_COLOUR = "#8d99ae"
GOAL_COLOUR = "#2a9d3f"


def frame(env: GoalEnvironment, state: State, width: int = 480, height: int = 360) -> np.ndarray:
    """The robot in its scene, the goal as a green disc of the size of the success radius.

    Args:
        env: the task.
        state: one (unbatched) state of it.
        width: pixels.
        height: pixels.

    Raises:
        RenderError: no OpenGL on this machine.
    """
    goal = np.asarray(state.goal, float)
    return photograph(
        env.task.scene,
        np.asarray(state.body.qpos, float),
        np.array([*goal, *np.zeros(3 - goal.size)]),
        env.task.success_radius,
        (width, height),
    )


def top_view(
    env: GoalEnvironment,
    paths: Sequence[np.ndarray],
    goals: np.ndarray,
    file: Path | None = None,
) -> np.ndarray:
    """The task from above, x to the right and y upwards, in metres.

    One path is coloured by time, dark to light; several have a colour each.

    Args:
        env: the task.
        paths: per episode the positions (time, 2 or more) of the robot; x and y come first.
        goals: per episode the goal, (episodes, 2 or more).
        file: where to write a PNG, if anywhere.

    Raises:
        ValueError: not as many goals as paths, or no path.
    """
    if len(paths) == 0 or len(paths) != len(goals):
        raise ValueError(
            f"top_view: found {len(paths)} paths and {len(goals)} goals; "
            "give one goal for each path, and at least one path."
        )
    figure = Figure(figsize=(6, 6), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot(xlabel="x (m)", ylabel="y (m)", aspect="equal")
    _draw_maze(axes, env)
    _draw_paths(figure, axes, [np.asarray(p)[:, :2] for p in paths], env)
    _draw_goals(axes, np.asarray(goals)[:, :2], env.task.success_radius)
    axes.autoscale_view()
    if file is not None:
        figure.savefig(file)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


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
    """One path, its colour the time since its start (`seconds` per step)."""
    pieces = np.stack([path[:-1], path[1:]], axis=1)
    lines = LineCollection(list(pieces), cmap="viridis", linewidths=2)
    lines.set_array(seconds * np.arange(len(pieces)))
    axes.add_collection(lines)
    figure.colorbar(lines, ax=axes, label="time (s)", shrink=0.7)


def _draw_goals(axes: Axes, goals: np.ndarray, radius: float) -> None:
    """Each goal as a star inside the circle that counts as reached."""
    for goal in np.unique(goals, axis=0):
        axes.add_patch(Circle(tuple(goal), radius, color=GOAL_COLOUR, alpha=0.3, linewidth=0))
    axes.scatter(*goals.T, s=60, marker="*", color=GOAL_COLOUR, zorder=3, label="goal")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.09), ncols=2, frameon=False)
