"""Draws every task of the language in one picture, each with its name and its goal in green.

    python docs/contact_sheet.py docs/images/tasks.png

Tasks are the words of the family `env` with their default settings. Each is shown at the one of 64
fresh starts whose goal is best in sight: about a third as far away as the camera. Needs OpenGL.
"""

import argparse
from pathlib import Path

import jax
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from components.environments.core.goal_environment import EnvState, GoalEnvironment
from components.environments.rendering.render import render_frame
from dsl.language.registry import default_vocabulary

COLUMNS = 4
WIDTH, HEIGHT = 320, 240
STARTS = 64


def photograph(env: GoalEnvironment) -> np.ndarray:
    """Draw a start of the task as an image (height, width, 3)."""
    states, timesteps = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), STARTS))
    best = int(np.abs(timesteps.extras["distance"] - env.task.camera_distance / 3).argmin())
    state: EnvState = jax.tree.map(lambda x: x[best], states)
    return render_frame(env, state, WIDTH, HEIGHT)


def sheet(file: Path) -> None:
    """Draw every task into one PNG file."""
    known = default_vocabulary()
    names = known.members("env")
    rows = -(-len(names) // COLUMNS)
    figure = Figure(figsize=(3.2 * COLUMNS, 2.65 * rows), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    for i, name in enumerate(names):
        axes = figure.add_subplot(rows, COLUMNS, i + 1, title=name.removeprefix("env."))
        axes.imshow(photograph(known.words[name].target()))
        axes.axis("off")
    figure.savefig(file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="PNG file to write")
    sheet(parser.parse_args().file)
