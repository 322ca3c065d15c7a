"""Every algorithm of `experiments/point_u_maze` over several seeds, and a table of their scores.

    python benchmarks/algorithms.py --out runs/algorithms --seeds 0 1 2 --jobs 2

Runs that are finished are not run again, so the command continues where it was stopped. Scores are
those of the last evaluation: mean over seeds and, in brackets, the lowest and the highest seed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parents[1]
SCORES = ("eval/success_rate", "eval/time_at_goal", "eval/final_success")
DONE = "algorithm_scores.json"


def main() -> None:
    """Run what is left to run, then print the table."""
    arguments = _arguments()
    files = sorted((ROOT / "experiments" / "point_u_maze").glob("*.gin"))
    files = [f for f in files if not arguments.only or f.stem in arguments.only]
    cores: Queue[int] = Queue()
    for core in range(arguments.jobs):
        cores.put(core)
    tasks = [(f, seed) for seed in arguments.seeds for f in files]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        list(pool.map(lambda task: _run(arguments.out, *task, cores, arguments.set), tasks))
    _print_table(arguments.out, files, arguments.seeds)


def _run(out: Path, file: Path, seed: int, cores: Queue, settings: list[str]) -> None:
    """Run one file with one seed on a core of its own, unless that is done."""
    folder = out / f"{file.stem}_{seed}"
    if (folder / DONE).exists():
        return
    core = cores.get()
    try:
        command = ["taskset", "-c", str(core), sys.executable, "-m", "dsl.run", str(file)]
        command += ["--out", str(folder), "--set", f"SEED={seed}", *settings]
        done = subprocess.run(
            command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            print(f"{folder}: exit {done.returncode}\n{done.stderr[-2000:]}", file=sys.stderr)
            return
        last = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
        (folder / DONE).write_text(json.dumps(last))
    finally:
        cores.put(core)


def _print_table(out: Path, files: list[Path], seeds: list[int]) -> None:
    print("| algorithm | success rate | steps at goal | success at the end | minutes |")
    print("| --- | --- | --- | --- | ---: |")
    for file in files:
        paths = [out / f"{file.stem}_{seed}" / DONE for seed in seeds]
        runs = [json.loads(path.read_text()) for path in paths if path.exists()]
        if not runs:
            continue
        cells = [_spread([run[score] for run in runs]) for score in SCORES]
        minutes = statistics.median(run["time/wall_seconds"] for run in runs) / 60
        print(f"| {file.stem} ({len(runs)}) | {' | '.join(cells)} | {minutes:.1f} |")


def _spread(values: list[float]) -> str:
    digits = 1 if max(values) > 1.5 else 2
    mean, low, high = (f"{x:.{digits}f}" for x in (statistics.mean(values), *_ends(values)))
    return f"{mean} ({low} to {high})"


def _ends(values: list[float]) -> tuple[float, float]:
    return min(values), max(values)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("runs/algorithms"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs side by side")
    parser.add_argument("--only", nargs="*", default=[], help="algorithms by the file's name")
    parser.add_argument("--set", nargs="*", default=[], help="further settings, as of dsl.run")
    return parser.parse_args()


if __name__ == "__main__":
    main()
