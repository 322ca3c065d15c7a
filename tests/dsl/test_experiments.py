"""Every gin file that is shipped builds, and every task and algorithm fits every other."""

from pathlib import Path

import pytest
from toy_runs import own_words

from dsl.language.configuration import ConfigError, load
from dsl.language.registry import default_vocabulary
from dsl.sweep.grid import make_trials
from dsl.training.build import build
from dsl.training.description import describe_experiment

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "experiments" / "base"
KNOBS = {"SEED", "NUM_ENVS", "TOTAL_ENV_STEPS", "BATCH_SIZE", "WIDTH", "ACTOR_DEPTH"}
COMPARED = sorted((ROOT / "experiments" / "point_u_maze").glob("*.gin"))
PAPER = sorted((ROOT / "experiments" / "paper").glob("*.gin"))
MINI = sorted((ROOT / "experiments" / "mini").glob("*.gin"))
# One dense layer each: what a task has to fit is their sizes.
SMALL = """import toy_words
actor.TanhGaussianActor.network = @network.Dense()
critic.ContrastiveCritic.state_action_encoder = @network.Dense()
critic.ContrastiveCritic.goal_encoder = @network.Dense()
"""
TASKS = sorted(f for f in BASE.glob("*.gin") if "Experiment.environment" in f.read_text())


@pytest.mark.parametrize("file", COMPARED, ids=lambda f: f.stem)
def test_every_algorithm_builds_and_honours_the_knobs(file):
    configuration = load(file)
    experiment = build(configuration)
    assert set(configuration.macros()) >= KNOBS
    # Imitation has no critic, and so no depth of one.
    has_critic = getattr(experiment.learners["learner"], "critic", None) is not None
    assert ("CRITIC_DEPTH" in configuration.macros()) is has_critic


@pytest.mark.parametrize("file", MINI, ids=lambda f: f.stem)
def test_every_miniature_builds_and_sweeps_over_three_seeds(file, tmp_path):
    configuration = load(file)
    build(configuration)
    assert set(configuration.macros()) >= {*KNOBS, "CRITIC_DEPTH"}
    varied = {override for point in make_trials(file, [], tmp_path) for override in point.overrides}
    assert varied >= {"SEED=0", "SEED=1", "SEED=2"}


@pytest.mark.parametrize("file", TASKS, ids=lambda f: f.stem)
def test_every_task_fits_into_an_experiment(file, tmp_path):
    mine = tmp_path / "mine.gin"
    parts = ("loop", "contrastive", file.stem)
    mine.write_text("".join(f"include 'base/{part}.gin'\n" for part in parts) + SMALL)
    with own_words():
        experiment = build(load(mine))
    assert experiment.environment.dims == experiment.eval_env.dims


def test_every_word_of_the_family_env_has_a_base_file():
    used = {word for f in TASKS for word in _words(f.read_text())}
    assert used == set(default_vocabulary().members("env"))


@pytest.mark.parametrize("file", PAPER, ids=lambda f: f.stem)
def test_every_run_of_a_paper_experiment_is_judged_and_one_is_traced(file, tmp_path):
    """Two seeds of each: `load` judges the list of the others."""
    shipped = load(file)
    fewer = {
        names: values[:2] if names == ("SEED",) else values
        for names, values in shipped.grid.items()
    }
    found = make_trials(file, [_grid_setting(fewer)], tmp_path)
    assert len({point.operative for point in found}) == len(found)
    assert len({point.folder for point in found}) == len(found)
    # Humanoids take three times as long to trace as ants, and have tests of their own above.
    task = str(shipped.macros().get("TASK"))
    shown = describe_experiment(
        load(file, ["TASK=ant_big_maze"]) if task.startswith("humanoid") else shipped
    )
    assert "gradient updates" in shown
    runs = len(found) // len(fewer["SEED",]) * len(shipped.grid["SEED",])
    assert ["runs", f"{runs:,}"] in [line.split() for line in shown.splitlines()]


def test_every_algorithm_of_the_paper_can_be_chosen():
    folder = ROOT / "experiments" / "paper"
    for algorithm in (folder / "algorithms").glob("*.gin"):
        chosen = load(folder / "baselines.gin", [f"ALGORITHM={algorithm.stem}", "DEPTH=8"])
        assert "actor/network.ResidualMLP.depth = 8" in chosen.operative_text()


@pytest.mark.parametrize(
    ("overrides", "epochs", "updates"),
    [
        ([], 98, 2_508_800),
        (["TASK=ant_hardest_maze"], 100, 5_040_000),
        (["TASK=humanoid_u_maze"], 100, 10_080_000),
    ],
)
def test_the_papers_schedule(overrides, epochs, updates):
    experiment = load(ROOT / "experiments" / "paper" / "depth.gin", overrides).build()
    schedule = experiment.schedule()
    assert (schedule.epochs, schedule.updates(schedule.epochs)) == (epochs, updates)
    assert experiment.environment is not experiment.eval_env


@pytest.mark.parametrize(
    ("batch_size", "updates", "without"), [(512, 800, 800), (1024, 499, 800), (2048, 249, 800)]
)
def test_large_batches_get_fewer_updates_unless_told_otherwise(batch_size, updates, without):
    file = ROOT / "experiments" / "paper" / "batch_size.gin"
    sizes = ["TASK=ant_big_maze", f"BATCH_SIZE={batch_size}"]
    assert load(file, sizes).build().schedule().updates_per_iteration == updates
    free = load(file, [*sizes, "TRANSITIONS=None"]).build()
    assert free.schedule().updates_per_iteration == without


def test_less_than_one_batch_is_refused():
    file = ROOT / "experiments" / "paper" / "batch_size.gin"
    with pytest.raises(ConfigError, match=r"TRANSITIONS is 100, less than one batch. Nearest: 512"):
        build(load(file, ["TASK=ant_big_maze", "TRANSITIONS=100"]))


def test_a_batch_without_equal_micro_batches_is_refused():
    setting = "learner.ActorCritic.gradient_accumulation=3"
    message = r"BATCH_SIZE is 256, not 3 equal micro-batches .* Nearest: 255"
    with pytest.raises(ConfigError, match=message):
        build(load(ROOT / "experiments" / "quickstart.gin", [setting]))


def _grid_setting(grid):
    """The override that gives a sweep this grid."""
    values = {names: ", ".join(f"({', '.join(v)},)" for v in vs) for names, vs in grid.items()}
    return f"sweep.grid={{{', '.join(f'{names!r}: [{text}]' for names, text in values.items())}}}"


def _words(text):
    return {line.split("/")[-1].split("@")[-1].split("(")[0] for line in text.splitlines()
            if line.startswith("Experiment.") and "env." in line}  # fmt: skip
