"""How far away are the goals of a maze that the policies of a sweep reach?

    python benchmarks/success_by_distance.py runs/stitching-sweep

Fresh episodes of the evaluation task, played by the last checkpoint of every run: the share that
reaches its goal, by cells on the shortest way from start to goal. Mean over seeds, lowest and
highest in brackets.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from maze_geometry import format_spread, last_policies

from components.environments.mazes.position_grid import cells_between
from dsl.report.data.policies import at_goal
from dsl.training.policy import Policy, play

Shares = dict[int, float]
EPISODES = 240


def success_by_cells(policy: Policy) -> Shares:
    """Return the share of episodes that reach their goal, by cells from start to goal."""
    task = policy.experiment.eval_env
    if task.task.maze is None:
        raise SystemExit(f"{policy.checkpoint}: its task has no maze.")
    _, rollout = play(policy, EPISODES, seed=0, pictured=EPISODES)
    states, goals = rollout.observation
    places = np.asarray(task.achieved_goal(states[0]))
    successes = at_goal(task, rollout).any(axis=0)
    reached = defaultdict(list)
    for place, goal, success in zip(places, np.asarray(goals[0]), successes, strict=True):
        reached[cells_between(task.task.maze, place, goal)].append(success)
    return {cells: float(np.mean(found)) for cells, found in reached.items()}


def main() -> None:
    """Print a line for every setting, its seeds together."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("sweeps", nargs="+", type=Path, help="folders of sweeps")
    table: dict[str, list[Shares]] = defaultdict(list)
    for name, policy in last_policies(parser.parse_args().sweeps):
        table[name].append(success_by_cells(policy))
    distances = sorted({cells for runs in table.values() for run in runs for cells in run})
    print(f"| cells to the goal | runs | {' | '.join(map(str, distances))} |")
    print(f"| --- |{' ---: |' * (len(distances) + 1)}")
    for name, runs in table.items():
        found = ([run[cell] for run in runs if cell in run] for cell in distances)
        cells = (format_spread(values) if values else "-" for values in found)
        print(f"| {name} | {len(runs)} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
