"""Runs in processes of their own, to be killed, stopped and damaged."""

import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import safetensors.numpy
from forked_commands import ForkedCommand
from own_words import forgotten

from dsl.cli.run import main

ROOT = Path(__file__).resolve().parents[1]
PLACES = (ROOT / "tests" / "no_aim", ROOT, ROOT / "tests")
EXPERIMENT = """
import toy_words
include 'base/loop.gin'
include 'base/contrastive.gin'
NUM_ENVS = 8
TOTAL_ENV_STEPS = 4_000
BATCH_SIZE = 16
Experiment:
  environment = @env.Toy()
  unroll_length = 10
  updates_per_iteration = 4
  prefill_steps = 20
  evaluations = 6
  eval_episodes = 4
  film = False
  checkpoint_minutes = 0
actor.TanhGaussianActor.network = @network.Dense()
critic.ContrastiveCritic:
  state_action_encoder = @network.Dense()
  goal_encoder = @network.Dense()
buffer.TrajectoryBuffer.capacity = 100
"""
# The same with networks that can learn to reach the goal.
RESIDUAL = EXPERIMENT.replace("network.Dense", "network.ResidualMLP") + "WIDTH = 8\n"
TOO_LONG = 120

# The toy's word may be imported in this process.
own_words = partial(forgotten, "toy_words")


def write_experiment(folder: Path, text: str = EXPERIMENT) -> Path:
    file = folder / "toy.gin"
    file.write_text(text)
    return file


def start(
    file: Path, out: Path, *settings: str, wrapper: tuple[str, ...] = (), cores: int = 1
) -> ForkedCommand:
    """`dsl.run` on the toy; `wrapper` is Python code to run before it."""
    arguments = _arguments(file, out, *settings)
    return start_module("dsl.run", arguments, wrapper, cores)


def variables(cores: int) -> dict[str, str]:
    """What such a process needs."""
    return {
        "PYTHONPATH": os.pathsep.join(map(str, PLACES)),
        "JAX_PLATFORMS": "cpu",
        "JAX_NUM_CPU_DEVICES": str(cores),
        # Compiling takes longer than the few steps of a toy.
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }


def start_module(
    module: str, arguments: Sequence[str], wrapper: tuple[str, ...] = (), cores: int = 1
) -> ForkedCommand:
    """One of the commands."""
    code = "\n".join((*wrapper, f"import sys; from {module} import main; sys.exit(main())"))
    return ForkedCommand(code, arguments, ROOT, variables(cores))


def looking_around(*lines: str) -> tuple[str, ...]:
    """A wrapper: what a run, `self`, does between epochs in place of `look(self)`."""
    return (
        "import os, resource, time",
        "from dsl.training.engine import TrainingEngine",
        "look = TrainingEngine._save_or_stop",
        "def instead(self):",
        *(f"    {line}" for line in lines),
        "TrainingEngine._save_or_stop = instead",
    )


def _arguments(file: Path, out: Path, *settings: str) -> list[str]:
    return [str(file), "--out", str(out), *(["--set", *settings] if settings else [])]


def finish(process: ForkedCommand) -> tuple[int, str]:
    """Exit code and what was said."""
    said = process.communicate(timeout=TOO_LONG)[1]
    assert "Traceback" not in said, said
    return process.returncode, said


def run(
    file: Path, out: Path, *settings: str, wrapper: tuple[str, ...] = (), cores: int = 1
) -> tuple[int, str]:
    return finish(start(file, out, *settings, wrapper=wrapper, cores=cores))


def refused(file: Path, out: Path, *settings: str) -> None:
    """The same in this process, for what ends with exit code 2 before anything is compiled."""
    with own_words():
        assert (
            main([str(file), "--out", str(out), *(["--set", *settings] if settings else [])]) == 2
        )


def wait_for_epochs(process: ForkedCommand, out: Path, count: int) -> None:
    """Until so many epochs are in the record."""
    wait_until(process, lambda: len(epochs(out)) >= count)


def wait_until(process: ForkedCommand, true: Callable[[], bool]) -> None:
    """Until something is true of a process that runs."""
    until = time.monotonic() + TOO_LONG
    while not true():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise AssertionError(process.communicate()[1])
        time.sleep(0.01)


def kill(process: ForkedCommand, number: int = signal.SIGKILL) -> None:
    process.send_signal(number)
    process.communicate(timeout=TOO_LONG)


def epochs(out: Path) -> list[dict]:
    """The record without the fields that a clock fills."""
    path = out / "metrics.jsonl"
    text = path.read_text() if path.exists() else ""
    lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [{k: v for k, v in line.items() if not k.startswith("time/")} for line in lines]


def checkpoints(out: Path) -> list[Path]:
    return sorted((out / "checkpoints").glob("iteration_?????????"))


def final_state(out: Path) -> dict[str, bytes]:
    """Every array of the last checkpoint, to the bit."""
    state = {}
    for file in sorted(checkpoints(out)[-1].glob("*.safetensors")):
        for name, array in safetensors.numpy.load_file(file).items():
            state[f"{file.stem}/{name}"] = array.tobytes()
    return state


def assert_same_run(out: Path, other: Path) -> None:
    assert epochs(out) == epochs(other)
    one, two = final_state(out), final_state(other)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
