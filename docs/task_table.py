"""The table of tasks in `docs/tasks.md`, from the tasks themselves.

    python docs/task_table.py

writes it anew, and measures the share of starts inside the goal over 1,024 resets; the tests refuse
a row that is out of date.
"""

from pathlib import Path

import jax
import numpy as np

from components.environments.core.goal_environment import GoalEnvironment
from dsl.language.registry import default_vocabulary

PAGE = Path(__file__).resolve().parent / "tasks.md"
BEGIN, END = "<!-- table begins -->\n", "<!-- table ends -->"
HEAD = ("word", "state", "goal", "action", "radius (m)", "step (s)", "starts in goal", "task")
RESETS = 1024


def share_at_start(env: GoalEnvironment) -> float:
    """Return the share of episodes that start inside the goal."""
    keys = jax.random.split(jax.random.key(0), RESETS)
    _, timesteps = jax.jit(jax.vmap(env.reset))(keys)
    return float(np.mean(timesteps.extras["success"]))


def row(word: str, env: GoalEnvironment, share: float) -> str:
    """Return the line of one word, which starts inside the goal in this share of episodes."""
    known = default_vocabulary().words[word]
    sizes = [str(n) for n in env.dims]
    radius, seconds = env.task.success_radius, env.task.physics.control_step
    numbers = [*sizes, f"{radius:g}", f"{seconds:.3g}", f"{100 * share:.1f}%"]
    cells = [f"`@{word}()`", *numbers, known.summary]
    return f"| {' | '.join(cells)} |\n"


def table() -> str:
    """Return the table as Markdown."""
    known = default_vocabulary()
    words = known.members("env")
    environments = {word: known.words[word].target() for word in words}
    rows = [row(word, env, share_at_start(env)) for word, env in environments.items()]
    head = [f"| {' | '.join(cells)} |\n" for cells in (HEAD, ["---"] * len(HEAD))]
    return "".join([*head, *rows])


def main() -> None:
    """Write the table of the present tasks into the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
