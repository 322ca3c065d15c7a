"""Draws the last evaluation of a run as a chart, and one of its episodes as a film."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import numpy as np

from components.environments.core.goal_environment import GoalEnvironment
from components.environments.rendering.charts import draw_overview
from components.environments.rendering.opengl import RenderError
from components.environments.rendering.video import write_video
from dsl.loop.evaluation_rollout import Rollout
from dsl.tracking import Tracker

NAME = "final_rollout"


def record_pictures(
    task: GoalEnvironment,
    rollout: Rollout,
    tracker: Tracker,
    filmed: bool,
    say: Callable[[str], None],
) -> None:
    """Draw the evaluation, film its first episode, and give both to the tracker.

    Args:
        task: that the policy was evaluated on.
        rollout: the evaluation's first episodes.
        tracker: keeps the pictures.
        filmed: whether to film.
        say: receives a line if one of them is missing, with the reason.
    """
    what = "the last evaluation"
    try:
        place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    except OSError as error:
        say(f"no picture of {what}: there is no place for temporary files ({error})")
        return
    with place as name:
        for _, path in pictures(task, rollout, Path(name), what, filmed=filmed, say=say):
            tracker.picture(NAME, path)


def pictures(
    task: GoalEnvironment,
    rollout: Rollout,
    place: Path,
    what: str,
    *,
    filmed: bool,
    say: Callable[[str], None],
) -> Iterator[tuple[str, Path]]:
    """Draw episodes, and film the first of them.

    Args:
        task: of the episodes.
        rollout: the episodes.
        place: folder of `rollout.png` and `rollout.gif`.
        what: names the episodes in the line about a missing picture.
        filmed: whether to film.
        say: receives a line if a picture is missing, with the reason.

    Yields:
        The kind and the file of each picture.
    """
    kinds = {"picture": ("rollout.png", draw), "film": ("rollout.gif", render_video)}
    for kind, (name, make) in kinds.items():
        if kind == "film" and not filmed:
            continue
        try:
            make(task, rollout, place / name)
        except (RenderError, OSError) as error:  # no OpenGL, a full disk
            say(f"no {kind} of {what}: {error}")
        else:
            yield kind, place / name


def draw(task: GoalEnvironment, rollout: Rollout, path: Path) -> None:
    """Draw what the episodes did into a PNG file."""
    running = np.asarray(rollout.running)
    achieved = np.asarray(task.achieved_goal(rollout.observation.state))
    goals = np.asarray(rollout.observation.goal)
    episodes = range(running.shape[1])
    draw_overview(
        task,
        [achieved[running[:, i], i] for i in episodes],
        [goals[running[:, i], i] for i in episodes],
        path,
    )


def render_video(task: GoalEnvironment, rollout: Rollout, path: Path) -> None:
    """Film the first episode into a GIF file."""
    running = np.asarray(rollout.running)[:, 0]
    write_video(task, jax.tree.map(lambda x: x[running, 0], rollout.state), path)
