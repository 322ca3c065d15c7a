"""Training runs of `gpu_suite.py`: started, stopped at a deadline, and read."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from gpu_rows import Row

ROOT = Path(__file__).resolve().parents[1]
# Of metrics.jsonl, as they are called in the tables.
QUANTITIES = {
    "time_at_goal": "eval/time_at_goal",
    "success": "eval/success_rate",
    "final_distance": "eval/final_distance",
    "episode_length": "eval/episode_length",
    "accuracy": "train/categorical_accuracy",
    "temperature": "train/temperature",
}
STOPPING_SECONDS = 5.0


def train_seeds(row: Row, runs: Path, deadline: float, memory_share: float) -> dict[str, Any]:
    """Train the seeds of a row together, from the start or from their checkpoints.

    Args:
        row: what to train.
        runs: folder of the runs' folders.
        deadline: of `time.monotonic`; a run that is under way then is stopped.
        memory_share: of the accelerator's memory that the process may take.

    Returns:
        The outcome: `result` where the runs are finished, `partial` where they were stopped.
    """
    folders = [runs / f"{row['name']}_{seed}" for seed in row["seeds"]]
    runs.mkdir(parents=True, exist_ok=True)
    begun, log = time.monotonic(), runs / f"{row['name']}.log"
    with open(log, "ab") as output:
        process = subprocess.Popen(
            _command(row, folders),
            cwd=ROOT,
            env={**os.environ, "XLA_PYTHON_CLIENT_MEM_FRACTION": f"{memory_share:.2f}"},
            stdout=output,
            stderr=output,
        )
        stopped = _wait(process, deadline)
    found = {**_evaluations(folders), "seconds": time.monotonic() - begun}
    if stopped:
        return {"partial": found}
    if process.returncode:
        said = log.read_text(errors="replace").strip().splitlines()
        return {"error": said[-1][:300] if said else "it said nothing", "partial": found}
    return {"result": found}


def _command(row: Row, folders: list[Path]) -> list[str]:
    settings = [*row["set"], "Experiment.film=False"]
    runs = [
        ["--run", str(folder), str(ROOT / row["file"]), f"SEED={seed}", *settings]
        for folder, seed in zip(folders, row["seeds"], strict=True)
    ]
    arguments = [argument for run in runs for argument in run]
    return [sys.executable, "-m", "dsl.cli.multi_seed", *arguments]


def _wait(process: subprocess.Popen, deadline: float) -> bool:
    """Wait for a process, and end it at the deadline; return whether that was needed."""
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
        return False
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)  # it saves its state if there is time
    try:
        process.wait(STOPPING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return True


def _evaluations(folders: list[Path]) -> dict[str, Any]:
    """Return every evaluation that all seeds have made: a list over seeds for each quantity."""
    records = [_read(folder / "metrics.jsonl") for folder in folders]
    evaluations = []
    for epochs in zip(*records, strict=False):
        found = {name: [epoch.get(key) for epoch in epochs] for name, key in QUANTITIES.items()}
        evaluations.append({"env_steps": epochs[0]["env_steps"], **found})
    last = [record[-1] for record in records if record]
    speeds = {key: value for key, value in last[0].items() if "per_second" in key} if last else {}
    return {"evaluations": evaluations, "speeds": speeds}


def _read(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]
