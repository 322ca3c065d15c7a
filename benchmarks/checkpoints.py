"""What a checkpoint costs a run at the size of the paper's replay buffer.

    python benchmarks/checkpoints.py

Ant, 512 environments, 10,000 rows each, all written; networks of depth 64 and width 256. Prints how
long the training waits for the copy, how long the thread beside it writes, the bytes, and the share
of the waiting at the default cadence. Median of the rounds.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp

from dsl.checkpoint.manager import CheckpointManager
from dsl.checkpoint.policy import CheckpointPolicy
from dsl.language.configuration import load
from dsl.loop import execution
from dsl.loop.run_position import RunPosition
from dsl.training.build import build

FILE = "experiments/ant_maze_1024.gin"
SETTINGS = ("CRITIC_DEPTH=64", "ACTOR_DEPTH=64")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="where to write; a temporary folder if left out")
    options = parser.parse_args()
    experiment = build(load(FILE, SETTINGS))
    state = execution.init_on_devices(experiment.program(), 0)
    state = _filled(state, experiment.buffer.capacity)
    with tempfile.TemporaryDirectory(dir=options.out) as folder:
        rows = [_seconds(Path(folder), state, i) for i in range(options.rounds)]
        size = sum(f.stat().st_size for f in next(Path(folder).glob("*/*")).iterdir())
    waiting, writing = (statistics.median(column) for column in zip(*rows, strict=True))
    minutes = CheckpointPolicy().minutes
    print(f"bytes {size / 2**30:.2f} GiB, waiting {waiting:.2f} s, beside it {writing:.2f} s")
    print(f"waiting every {minutes:g} minutes: {waiting / (60 * minutes):.2%} of the time")
    print(f"both, if the machine has no core to spare: {(waiting + writing) / (60 * minutes):.2%}")


def _filled(state, capacity: int):
    """Return the same state with every row of its buffer written."""
    import equinox as eqx

    return eqx.tree_at(lambda s: s.buffer.written, state, jnp.int32(capacity))


def _seconds(folder: Path, state, number: int) -> tuple[float, float]:
    manager = CheckpointManager(folder, CheckpointPolicy(kept=1), {}, print)
    jax.block_until_ready(state)
    begun = time.perf_counter()
    manager.save(state, RunPosition(iterations=number))
    copied = time.perf_counter()
    manager.wait_until_written()
    return copied - begun, time.perf_counter() - copied


if __name__ == "__main__":
    main()
