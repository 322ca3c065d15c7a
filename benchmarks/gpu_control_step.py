"""Count the kernels of one control step of every robot, on a machine without a GPU.

    python benchmarks/gpu_control_step.py --out control_step.jsonl
    python benchmarks/gpu_control_step.py --out control_step.jsonl --tables

Compiles the collection of one unroll for an H100 that is only described, with the free ant's
settings and each task in its place, and divides what it launches by the control steps. A kernel
belongs to the part of the loop that its last operation comes from. Loops of unknown length, which
are those of MJX's solver, count with the most rounds that the model allows. Nothing is run. Tasks
that the file has already are not compiled again.
"""

import argparse
import collections
import dataclasses
import json
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax
from environments import make_task
from gpu_common import Result, experiment_of
from gpu_program_tables import markdown_table

# By the name in the table: a word of the family `env`, and its settings.
TASKS = {
    "point, maze": ("PointMaze", []),
    "ant": ("Ant", []),
    "ant, big maze": ("AntMaze", ["layout='big_maze'"]),
    "ant push": ("AntPush", []),
    "ant ball": ("AntBall", []),
    "humanoid": ("Humanoid", []),
    "humanoid, big maze": ("HumanoidMaze", ["layout='big_maze'"]),
    "half cheetah": ("HalfCheetah", []),
    "reacher": ("Reacher", []),
    "pusher": ("Pusher", []),
    "arm reach": ("ArmReach", []),
    "arm push": ("ArmPush", []),
    "arm grasp": ("ArmGrasp", []),
    "arm bin pick": ("ArmBinpick", []),
}
# Scopes in the loop's code, outermost first: a reset observes as well.
ORIGINS = ("policy", "reset", "observation", "physics")
REST = "bookkeeping"
_HEAD = (
    "task", "kernels", *ORIGINS, REST, "in graphs", "graphs", "loops", "outside of graphs",
    "compiling, CPU s",
)  # fmt: skip


def main() -> None:
    """Compile task after task, or print what has been compiled."""
    options = _arguments()
    jax.config.update("jax_platforms", "cpu")  # what is described is no device of this machine
    out = options.out
    done = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    if options.tables:
        print(steps_table(done))
        return
    for task in options.tasks:
        if any(found["task"] == task for found in done):
            continue
        found = {"task": task, **count_control_step(task), "jax": jax.__version__}
        with out.open("a") as file:
            file.write(json.dumps(found) + "\n")
        print(json.dumps(found), file=sys.stderr)
        jax.clear_caches()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="results, one JSON object a line")
    parser.add_argument("--tables", action="store_true", help="print what is there, in Markdown")
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    return parser.parse_args()


def count_control_step(task: str) -> Result:
    """Compile the unroll of a task, and count what one of its control steps launches."""
    from components.target_devices import tracing_for
    from dsl.loop.execution import assign_devices
    from dsl.training.card.cards import parse_cards
    from dsl.training.card.compilation import compile_for_card
    from dsl.training.card.described_devices import describe_devices
    from dsl.training.card.parts import COLLECTION, trace_part

    count, card = parse_cards("h100")
    environment = make_task(*TASKS[task], "MJX")
    experiment = dataclasses.replace(experiment_of({}), environment=environment)
    begun = time.process_time()
    with tracing_for(describe_devices(card, count)):
        program = assign_devices(experiment.program())
        compiled = compile_for_card(trace_part(program, COLLECTION))
    rounds = int(environment.task.physics.model.opt.iterations)
    counts = count_by_origin(compiled.launches, compiled.text, rounds)
    per_step = {name: count / program.unroll_length for name, count in counts.items()}
    return {"cpu_seconds": time.process_time() - begun, **per_step}


def count_by_origin(launches: Iterable[Any], text: str, rounds: int) -> dict[str, int]:
    """Count kernels by origin, and graphs, loops, and kernels in and out of graphs.

    Args:
        launches: of one call.
        text: the compiled program.
        rounds: of each loop of unknown length.
    """
    from dsl.training.card.program_text import read_instructions
    from dsl.training.card.thunks import CONTAINERS

    known, counts = read_instructions(text), collections.Counter[str]()
    for launch in launches:
        times = launch.times * (rounds if launch.in_open_loop else 1)
        if launch.kind in CONTAINERS:
            counts[launch.kind] += times
            continue
        # Copies have no path of their own; they belong to their loop.
        paths = [known[name].path for name in (launch.instruction, launch.loop) if name in known]
        counts[origin_of(next(filter(None, paths), ""))] += times
        counts["kernels"] += times
        counts["in graphs" if launch.in_graph else "outside of graphs"] += times
    counts["graphs"], counts["loops"] = counts.pop("kCommandBuffer", 0), counts.pop("kWhile", 0)
    return dict(counts)


def origin_of(path: str) -> str:
    """Return the part of the loop that an operation with this path belongs to."""
    for origin in ORIGINS:
        if re.search(rf"\b{origin}\b", path):
            return origin
    return REST


def steps_table(done: list[Result]) -> str:
    """Return a table of the latest result of each task."""
    latest = {found["task"]: found for found in done}
    rows = [_cells(latest[task]) for task in TASKS if task in latest]
    return markdown_table(_HEAD, rows)


def _cells(found: Result) -> list[str]:
    counts = [f"{found.get(name, 0):,.0f}" for name in _HEAD[1:-1]]
    return [found["task"], *counts, f"{found['cpu_seconds']:.0f}"]


if __name__ == "__main__":
    main()
