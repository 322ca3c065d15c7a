"""Writes the table in `docs/algorithms.md` of which word fills which place, from the gin files.

    python docs/algorithm_table.py

A test fails if the table is out of date.
"""

from pathlib import Path

from dsl.language.configuration import load

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "algorithms.md"
BEGIN, END = "<!-- table begins -->\n", "<!-- table ends -->"
PLACES = {
    "actor": "actor",
    "critic": "critic",
    "energy": "energy",
    "critic_loss": "critic loss",
    "relabelling": "goals in the batch",
    "actor_loss": "actor loss",
    "temperature": "temperature",
    "target": "target",
}


def algorithms() -> list[Path]:
    """Return the files of `experiments/base` that choose a learner, except `actor.gin`."""
    base = ROOT / "experiments" / "base"
    return sorted(f for f in base.glob("*.gin") if f.name != "actor.gin" and _is_algorithm(f))


def table() -> str:
    """Format the table as Markdown."""
    head = ["file", *PLACES.values()]
    rows = [head, ["---"] * len(head), *([_name(f), *_places(f)] for f in algorithms())]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _is_algorithm(file: Path) -> bool:
    lines = file.read_text().splitlines()
    if any(line.startswith("Experiment.learner = ") for line in lines):
        return True
    included = [line.split("'")[1] for line in lines if line.startswith("include ")]
    return any(_is_algorithm(file.parent / name) for name in included)


def _name(file: Path) -> str:
    return f"[`{file.stem}`](../experiments/base/{file.name})"


def _places(file: Path) -> list[str]:
    """Return what fills each place, followed by the words inside a relabelling."""
    filled: dict[str, str] = {}
    inside = ""
    for indented, word, _ in _pipeline(file):
        place, depth = indented.strip(), len(indented) - len(indented.lstrip())
        short = f"`{word.rpartition('.')[2]}`"
        if depth == 2:
            inside = place
        if place in PLACES and place not in filled:
            filled[place] = short
        elif depth == 4 and inside == "relabelling":
            filled[inside] += f" {short}"
    return [filled.get(place, "") for place in PLACES]


def _pipeline(file: Path) -> list[tuple[str, str, str]]:
    example = ROOT / "experiments" / "point_u_maze" / f"{file.stem}.gin"
    chosen = example if example.exists() else example.with_name("crl.gin")
    return load(chosen).pipeline()


def written() -> str:
    """Return the page with the table as the gin files have it now."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(written())
