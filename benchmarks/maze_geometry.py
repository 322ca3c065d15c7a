"""Do critic and policy of the point mass follow a maze's corridors, or the straight line?

    python benchmarks/maze_geometry.py runs/depth-sweep

Over all pairs of two free cells, the point at rest at the centre of the first and its goal at the
centre of the second, of the last checkpoint of every run: the rank correlation of -f with the way
through the maze and with the straight distance, goal by goal; how often the policy pushes within
45 degrees of the shortest way, and how often it does so where the straight line leads elsewhere.
Mean over seeds, lowest and highest in brackets.
"""

import argparse
import itertools
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import spearmanr

from components.environments.mazes.maze import Cell, Maze
from dsl.training.policy import Policy, load_policy

HEAD = ("runs", "rank of way", "rank of straight line", "along the way", "where they part")
_STEPS = np.array([(1, 0), (-1, 0), (0, 1), (0, -1)])
_WITHIN = np.cos(np.pi / 4) - 1e-6


class Pairs(NamedTuple):
    """All pairs of two different free cells of a maze.

    Attributes:
        cells: first and second, (k, 2, 2).
        way: cells on the shortest way, (k,).
        onwards: whether each of the four steps shortens the way, (k, 4).
    """

    cells: np.ndarray
    way: np.ndarray
    onwards: np.ndarray

    def straight_line(self) -> np.ndarray:
        """Return the vectors from the first cells to the second, in cells (k, 2)."""
        return self.cells[:, 1] - self.cells[:, 0]

    def follows_way(self, direction: np.ndarray) -> np.ndarray:
        """Return whether directions (k, 2) lie within 45 degrees of a shortest way, (k,)."""
        unit = direction / np.linalg.norm(direction, axis=1, keepdims=True)
        return ((unit @ _STEPS.T > _WITHIN) & self.onwards).any(axis=1)


def cell_pairs(maze: Maze) -> Pairs:
    """Return all pairs of different free cells of a maze."""
    free = sorted(maze.free)
    ways = {goal: maze.distances_from(goal) for goal in free}
    found = list(itertools.permutations(free, 2))
    way = np.array([ways[goal][start] for start, goal in found])
    onwards = np.array([_shortens(ways[goal], start) for start, goal in found])
    return Pairs(np.array(found), way, onwards)


def _shortens(ways: dict[Cell, int], start: Cell) -> list[bool]:
    ahead = [(start[0] + int(i), start[1] + int(j)) for i, j in _STEPS]
    return [ways.get(cell, ways[start]) < ways[start] for cell in ahead]


def measure_policy(policy: Policy) -> tuple[float, ...]:
    """Measure one policy: four numbers, in the order of `HEAD`.

    States of the task are position and velocity.
    """
    maze = policy.experiment.eval_env.task.maze
    if maze is None:
        raise SystemExit(f"{policy.checkpoint}: its task has no maze.")
    over = cell_pairs(maze)
    places = jnp.asarray(maze.corner + maze.scale * over.cells, jnp.float32)
    states = jnp.concatenate([places[:, 0], jnp.zeros_like(places[:, 0])], axis=1)
    actions = policy(states, places[:, 1])
    cost = -np.asarray(jax.vmap(policy.networks.critic)(states, actions, places[:, 1]))
    along = over.follows_way(np.asarray(actions))
    part = ~over.follows_way(over.straight_line())
    straight = np.linalg.norm(over.straight_line(), axis=1)
    ranks = (_rank(cost, distance, over.cells[:, 1]) for distance in (over.way, straight))
    return (*ranks, float(along.mean()), float(along[part].mean()))


def _rank(cost: np.ndarray, distance: np.ndarray, goals: np.ndarray) -> float:
    """Return Spearman's correlation over the cells to start from, averaged over goals."""
    groups = [(goals == goal).all(axis=1) for goal in np.unique(goals, axis=0)]
    return float(np.mean([np.asarray(spearmanr(cost[g], distance[g]))[0] for g in groups]))


def main() -> None:
    """Print a line for every setting, its seeds together."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("sweeps", nargs="+", type=Path, help="folders of sweeps")
    table: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for name, policy in last_policies(parser.parse_args().sweeps):
        table[name].append(measure_policy(policy))
    print(f"| | {' | '.join(HEAD)} |\n| --- |{' ---: |' * len(HEAD)}")
    for name, numbers in table.items():
        cells = (format_spread(values) for values in zip(*numbers, strict=True))
        print(f"| {name} | {len(numbers)} | {' | '.join(cells)} |")


def last_policies(sweeps: Iterable[Path]) -> Iterator[tuple[str, Policy]]:
    """Yield the policy of every learner of every run, with its setting without the seed."""
    for run in (run for sweep in sweeps for run in sorted(sweep.glob("*/"))):
        saved = sorted(run.glob("checkpoints/iteration_*"))
        if not saved:
            continue
        name = re.sub(r",?SEED=\d+,?", "", run.name) or run.parent.name
        policy = load_policy(saved[-1])
        if len(policy.experiment.learners) == 1:
            yield name, policy
            continue
        for learner in policy.experiment.learners:
            yield f"{name}, {learner}", load_policy(saved[-1], learner)


def format_spread(values: Sequence[float]) -> str:
    """Format the mean, with lowest and highest in brackets."""
    return f"{statistics.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
