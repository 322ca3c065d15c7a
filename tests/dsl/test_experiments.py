"""Every gin file that is shipped builds, and every task and algorithm fits every other."""

from pathlib import Path

import pytest

import dsl.vocabulary  # noqa: F401 - registers the words
from dsl.build import build
from dsl.config import load
from dsl.points import points
from dsl.registry import vocabulary

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "experiments" / "base"
KNOBS = {"SEED", "NUM_ENVS", "TOTAL_ENV_STEPS", "BATCH_SIZE", "WIDTH", "ACTOR_DEPTH"}
COMPARED = sorted((ROOT / "experiments" / "point_u_maze").glob("*.gin"))
MINI = sorted((ROOT / "experiments" / "mini").glob("*.gin"))
TASKS = sorted(f for f in BASE.glob("*.gin") if "Experiment.environment" in f.read_text())


@pytest.mark.parametrize("file", COMPARED, ids=lambda f: f.stem)
def test_every_algorithm_builds_and_honours_the_knobs(file):
    configuration = load(file)
    experiment = build(configuration)
    assert set(configuration.macros()) >= KNOBS
    # Imitation has no critic, and so no depth of one.
    has_critic = experiment.learners["learner"].critic is not None
    assert ("CRITIC_DEPTH" in configuration.macros()) is has_critic


@pytest.mark.parametrize("file", MINI, ids=lambda f: f.stem)
def test_every_miniature_builds_and_sweeps_over_three_seeds(file, tmp_path):
    configuration = load(file)
    build(configuration)
    assert set(configuration.macros()) >= {*KNOBS, "CRITIC_DEPTH"}
    varied = {override for point in points(file, [], tmp_path) for override in point.overrides}
    assert varied >= {"SEED=0", "SEED=1", "SEED=2"}


@pytest.mark.parametrize("file", TASKS, ids=lambda f: f.stem)
def test_every_task_fits_into_an_experiment(file, tmp_path):
    mine = tmp_path / "mine.gin"
    parts = ("loop", "contrastive", file.stem)
    mine.write_text("".join(f"include 'base/{part}.gin'\n" for part in parts))
    experiment = build(load(mine))
    assert experiment.environment.sizes == experiment.scored.sizes


def test_every_word_of_the_family_env_has_a_base_file():
    used = {word for f in TASKS for word in _words(f.read_text())}
    assert used == set(vocabulary().members("env"))


def _words(text):
    return {line.split("/")[-1].split("@")[-1].split("(")[0] for line in text.splitlines()
            if line.startswith("Experiment.") and "env." in line}  # fmt: skip
