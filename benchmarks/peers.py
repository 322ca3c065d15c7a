"""Environment steps per second of whole training iterations, beside those of two other projects.

    python benchmarks/peers.py --scaling-crl CHECKOUT PYTHON --jaxgcrl CHECKOUT PYTHON

CHECKOUT is a clone of https://github.com/wang-kevin3290/scaling-crl (measured with 8516075) or of
https://github.com/MichalBortkiewicz/JaxGCRL (6dccab2), PYTHON an interpreter with its packages:

    python3.10 -m venv scaling && scaling/bin/pip install numpy==1.26.4 jax==0.4.23 \\
        jaxlib==0.4.23 flax==0.7.4 brax==0.10.1 scipy==1.12.0 mujoco==3.2.6 mujoco-mjx==3.2.6 \\
        tyro wandb==0.17.9 wandb-osh==1.2.2 'orbax-checkpoint<0.5' 'setuptools<81'
    sed -i 's/mjx.ncon(sys)/mjx.make_data(sys).ncon/' \\
        scaling/lib/python3.10/site-packages/brax/contact.py
    python3 -m venv gcrl && gcrl/bin/pip install 'numpy<2' jax==0.4.25 jaxlib==0.4.25 \\
        flax==0.8.4 brax==0.12.1 'scipy<1.13' mujoco==3.2.7 mujoco-mjx==3.2.7 tyro==0.9.16 \\
        wandb wandb-osh matplotlib

Without the changed line, which scaling-crl's README asks for, its Brax does not run on its MuJoCo.

The peers' own code trains, unchanged but for evaluation, which is left out on every side. Four
processes take turns, in an order that rotates: ours and the peer, each on all cores and on one. The
ratio of a round is ours on all cores by the better of the peer's two; the other is one core each.
JaxGCRL makes as many updates as batches fit into 1,000 steps of all environments, so ours makes as
many there. Prints every round, medians, ratios, and what is unfair to either side.
"""

import argparse
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from turns import Worker

ROOT = Path(__file__).resolve().parents[1]
WORKER = ROOT / "benchmarks" / "peer_worker.py"
CORES = {"all cores": False, "one core": True}
UNFAIR_TO_PEERS = (
    "the peer simulates the ant with Brax's spring engine, ours with MJX; it runs on the JAX it "
    "pins, ours on a current one; the first ratio counts our other cores; environments are few"
)
UNFAIR_TO_OURS = {"jaxgcrl": "the peer's actor has no LayerNorm"}
Speeds = dict[tuple[str, str], float]


class Side(NamedTuple):
    """Describes who trains.

    Attributes:
        name: as `peer_worker.py` knows it.
        checkout: folder of its code.
        python: its interpreter.
    """

    name: str
    checkout: str
    python: str


OURS = Side("ours", str(ROOT), sys.executable)


def main() -> None:
    """Measure beside each peer, and print a table and ratios for each."""
    options = _arguments()
    named = {"scaling-crl": options.scaling_crl, "jaxgcrl": options.jaxgcrl}
    peers = [Side(name, *map(os.path.abspath, paths)) for name, paths in named.items() if paths]
    print(f"{cpu_model()}, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")
    for peer in peers:
        work = _work(options, peer.name)
        versions, rounds = measure_rounds(peer, work)
        print_comparison(peer.name, work, versions, rounds)


def _work(options: argparse.Namespace, peer: str) -> dict[str, Any]:
    names = ("envs", "unroll", "width", "batch", "depth", "rounds")
    work = {name: getattr(options, name) for name in names}
    updates = options.updates if peer == "scaling-crl" else 1_000 * options.envs // options.batch
    return {**work, "updates": updates}


def measure_rounds(peer: Side, work: dict[str, Any]) -> tuple[dict[str, str], list[Speeds]]:
    """Let four processes take turns.

    Args:
        peer: measured beside ours.
        work: sizes of an iteration, and `rounds`.

    Returns:
        Versions of each side's code and packages; environment steps per second by side and cores,
        for each round.
    """
    workers: dict[tuple[str, str], Worker] = {}
    versions: dict[str, str] = {}
    with (
        tempfile.NamedTemporaryFile("w", prefix="peers-", suffix=".log", delete=False) as log,
        contextlib.ExitStack() as stack,
    ):
        for side, cores in itertools.product((OURS, peer), CORES):
            worker = _start(side, {**work, "one_core": CORES[cores]}, log)
            stack.callback(worker.close)
            packages = (f"{name} {version}" for name, version in worker.answer().items())
            versions[side.name] = ", ".join((read_commit(side.checkout), *packages))
            workers[side.name, cores] = worker
        rounds = [_round(workers, number) for number in range(work["rounds"])]
    os.unlink(log.name)
    return versions, rounds


def read_commit(checkout: str) -> str:
    """Return the commit of a clone, marked where files have changed, or that there is none."""
    command = ["git", "-C", checkout, "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "commit unknown"


def _start(side: Side, work: dict[str, Any], log: IO[str]) -> Worker:
    work = {**work, "checkout": side.checkout}
    command = [side.python, str(WORKER), side.name, json.dumps(work)]
    path = {"PYTHONPATH": side.checkout, "JAX_PLATFORMS": "cpu"}
    return Worker(side.name, command, {**os.environ, **path}, log)


def _round(workers: dict[tuple[str, str], Worker], number: int) -> Speeds:
    """Let every process take one turn; each round begins with another."""
    keys = list(workers)
    first = number % len(keys)
    return {key: workers[key].take_turn() for key in keys[first:] + keys[:first]}


def print_comparison(
    peer: str, work: dict[str, Any], versions: dict[str, str], rounds: Sequence[Speeds]
) -> None:
    """Print every round, medians of each side, and ratios within a round."""
    sizes = ", ".join(f"{name} {value}" for name, value in work.items())
    print(f"\n## ant beside {peer}: {sizes}\n\nEnvironment steps per second of each round:\n")
    keys = list(itertools.product(("ours", peer), CORES))
    better = [_ratio(s, peer, "all cores", tuple(CORES)) for s in rounds]
    alone = [_ratio(s, peer, "one core", ("one core",)) for s in rounds]
    rows = [
        [*(f"{speeds[key]:,.0f}" for key in keys), f"{better[i]:.1f}", f"{alone[i]:.1f}"]
        for i, speeds in enumerate(rounds)
    ]
    print_table([*map(", ".join, keys), "ratio", "ratio, one core each"], rows)
    print("\nMedians, with the lowest and the highest:\n")
    medians = {key: format_spread([speeds[key] for speeds in rounds], 0) for key in keys}
    sides = [[x, *(medians[x, cores] for cores in CORES), versions[x]] for x in ("ours", peer)]
    print_table(["side", *CORES, "versions"], sides)
    print(f"\nours by {peer}, the better of its two: {format_spread(better, 1)}")
    print(f"one core each: {format_spread(alone, 1)}")
    print(f"\nUnfair to {peer}: {UNFAIR_TO_PEERS}.")
    print(f"Unfair to ours: {UNFAIR_TO_OURS.get(peer, 'nothing known')}.", flush=True)


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table as Markdown."""
    for cells in (heads, ["---:"] * len(heads), *rows):
        print(f"| {' | '.join(cells)} |")


def _ratio(speeds: Speeds, peer: str, ours: str, theirs: Sequence[str]) -> float:
    return speeds["ours", ours] / max(speeds[peer, cores] for cores in theirs)


def format_spread(values: Sequence[float], digits: int) -> str:
    """Format `median (lowest to highest)`."""
    found = (statistics.median(values), min(values), max(values))
    median, low, high = (f"{value:,.{digits}f}" for value in found)
    return f"{median} ({low} to {high})"


def cpu_model() -> str:
    """Return the processor's name as Linux knows it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "CPU")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for peer in ("--scaling-crl", "--jaxgcrl"):
        parser.add_argument(peer, nargs=2, metavar=("CHECKOUT", "PYTHON"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--envs", type=int, default=64)
    parser.add_argument("--unroll", type=int, default=62)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--updates", type=int, default=50, help="beside scaling-crl")
    options = parser.parse_args()
    named = [paths for paths in (options.scaling_crl, options.jaxgcrl) if paths]
    if not named:
        parser.error("name a peer: --scaling-crl or --jaxgcrl, each with CHECKOUT PYTHON")
    for checkout, python in named:
        if not os.path.isdir(checkout):
            parser.error(
                f"{checkout} is not a folder; CHECKOUT is a clone of the peer's repository"
            )
        if not os.access(python, os.X_OK):
            parser.error(f"{python} is not a program; PYTHON is an interpreter with its packages")
    return options


if __name__ == "__main__":
    main()
