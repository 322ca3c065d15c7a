"""The table of tasks in `docs/tasks.md`, from the tasks themselves.

    python docs/task_table.py

writes it anew; the tests refuse a row that is out of date.
"""

from pathlib import Path

from components.environments.core.goal_environment import GoalEnvironment
from dsl.language.registry import default_vocabulary

PAGE = Path(__file__).resolve().parent / "tasks.md"
BEGIN, END = "<!-- table begins -->\n", "<!-- table ends -->"
HEAD = ("word", "state", "goal", "action", "radius (m)", "step (s)", "task")


def row(word: str, env: GoalEnvironment) -> str:
    """Return the line of one word."""
    known = default_vocabulary().words[word]
    sizes = [str(n) for n in env.dims]
    radius, seconds = env.task.success_radius, env.task.physics.control_step
    cells = [f"`@{word}()`", *sizes, f"{radius:g}", f"{seconds:.3g}", known.summary]
    return f"| {' | '.join(cells)} |\n"


def table() -> str:
    """Return the table as Markdown."""
    known = default_vocabulary()
    words = known.members("env")
    rows = [row(word, known.words[word].target()) for word in words]
    head = [f"| {' | '.join(cells)} |\n" for cells in (HEAD, ["---"] * len(HEAD))]
    return "".join([*head, *rows])


def main() -> None:
    """Write the table of the present tasks into the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
