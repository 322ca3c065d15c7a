"""The command line from end to end, on the shipped experiments."""

import json
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import gin
import jax
import jax.numpy as jnp
import pytest
from own_words import forgotten

from dsl.cli.run import main
from dsl.language.configuration import load
from dsl.loop import training_loop
from dsl.tracking import read_metrics
from dsl.training.build import build
from dsl.training.memory import count_elements, estimate_memory

ROOT = Path(__file__).resolve().parents[3]
EXPERIMENTS = sorted((ROOT / "experiments").glob("*.gin"))
KNOBS = {
    "SEED",
    "NUM_ENVS",
    "TOTAL_ENV_STEPS",
    "BATCH_SIZE",
    "WIDTH",
    "ACTOR_DEPTH",
    "CRITIC_DEPTH",
}
QUICKSTART = ROOT / "experiments" / "quickstart.gin"
TINY = (
    *("NUM_ENVS=3", "TOTAL_ENV_STEPS=100", "BATCH_SIZE=8", "WIDTH=8"),
    *("Experiment.unroll_length=10", "Experiment.updates_per_iteration=2"),
    *("Experiment.prefill_steps=10", "Experiment.evaluations=2", "Experiment.eval_episodes=2"),
    *("env.PointMaze.episode_length=12", "buffer.TrajectoryBuffer.capacity=40"),
)

pytestmark = pytest.mark.usefixtures("quickly_compiled")


def named(path):
    return path.stem


@pytest.mark.parametrize("file", EXPERIMENTS, ids=named)
def test_every_experiment_checks_and_honours_the_knobs(file, capsys):
    assert main([str(file), "--check"]) == 0
    shown = capsys.readouterr().out
    for title in ("Pipeline", "Networks", "Device memory, estimated", "Run", "gradient updates"):
        assert title in shown
    assert set(load(file).macros()) >= KNOBS


@pytest.mark.parametrize("file", EXPERIMENTS, ids=named)
def test_the_operative_file_gives_itself_again(file, tmp_path):
    text = load(file, ["SEED=7"]).operative_text()
    again = tmp_path / "operative.gin"
    again.write_text(text)
    assert load(again).operative_text() == text
    assert "Experiment.seed = 7" in text


def test_the_deepest_experiment_is_the_papers():
    experiment = build(load(ROOT / "experiments" / "ant_maze_1024.gin"))
    state = training_loop.abstract_train_state(experiment.program())
    networks = state.learners["learner"].networks
    assert networks.actor.network.depth == 512
    assert networks.critic.state_action_encoder.depth == 1024
    # 135.9M for the encoders and 34.0M for the actor in the paper's code.
    assert count_elements(networks.critic) == 135_835_008
    assert count_elements(networks.actor) == 33_960_464
    memory = estimate_memory(experiment)
    assert memory.parameters == 4 * count_elements(networks)
    # A row is 29 + 2 + 8 numbers, reward, discount and episode, and the episode table: 43 words.
    assert memory.replay == 4 * (43 * 512 * 10_000 + 1)


def test_a_buffer_of_half_precision_needs_half_the_memory():
    experiment = build(load(QUICKSTART, ["buffer.TrajectoryBuffer.dtype='float16'"]))
    # A row: 4 + 2 + 2 halves; reward, discount, episode and the episode table are whole words.
    row = 2 * 8 + 4 * 4
    assert estimate_memory(experiment).replay == row * 128 * 10_000 + 4


def test_shallow_and_deep_differ_in_one_line():
    shallow = load(QUICKSTART).operative_text().splitlines()
    deep = load(QUICKSTART, ["CRITIC_DEPTH=64"]).operative_text().splitlines()
    changed = [b for a, b in zip(shallow, deep, strict=True) if a != b]
    assert changed == ["critic/network.ResidualMLP.depth = 64"]


def test_gin_is_not_consulted_while_the_loop_is_traced(monkeypatch):
    program = build(load(QUICKSTART, TINY)).program()

    def refuse(*_args, **_kwargs):
        raise AssertionError("gin was asked while tracing")

    monkeypatch.setattr(gin.config, "_make_gin_wrapper", refuse)
    monkeypatch.setattr(gin.config, "query_parameter", refuse)
    monkeypatch.setattr(gin.config, "_CONFIG", None)
    one = jnp.ones((), jnp.int32)

    def run(seed):
        state = training_loop.run_iterations(
            program, training_loop.init_train_state(program, seed), one, one
        )
        return training_loop.end_epoch(program, state, one)

    _, metrics, _, _ = eqx.filter_eval_shape(run, jnp.zeros((), jnp.uint32))
    assert metrics["eval/success_rate"].shape == ()


def test_a_run_leaves_its_record(tmp_path, capsys):
    folder = tmp_path / "run"
    assert main([str(QUICKSTART), "--profile", "--set", *TINY, "--out", str(folder)]) == 0
    epochs = read_metrics(folder / "metrics.jsonl")
    assert [epoch["epoch"] for epoch in epochs] == [0, 1, 2]
    assert [epoch["env_steps"] for epoch in epochs] == [30, 90, 150]
    assert [epoch["updates"] for epoch in epochs] == [0, 4, 8]
    for key in (
        *("eval/success_rate", "eval/time_at_goal", "eval/final_success", "eval/final_distance"),
        *("train/critic_loss", "train/categorical_accuracy", "train/entropy"),
        *("time/env_steps_per_second", "time/updates_per_second", "time/wall_seconds"),
    ):
        assert isinstance(epochs[-1][key], float), key
    assert epochs[0]["train/critic_loss"] is None
    assert (folder / "config.gin").read_text().startswith(QUICKSTART.read_text().rstrip())
    assert "# --set NUM_ENVS=3" in (folder / "config.gin").read_text()
    operative = (folder / "operative.gin").read_text()
    assert load(folder / "operative.gin").operative_text() == operative
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["versions"]["jax"]
    assert (folder / "pictures" / "final_rollout.png").read_bytes().startswith(b"\x89PNG")
    shown = capsys.readouterr().err
    filmed = (folder / "pictures" / "final_rollout.gif").exists()
    assert filmed or "no film of the last evaluation: cannot draw" in shown
    (trace,) = folder.glob("profile/plugins/profile/*/perfetto_trace.json.gz")
    assert f"open {trace} at https://ui.perfetto.dev" in shown
    assert "done" in shown

    assert main([str(QUICKSTART), "--set", *TINY, "--out", str(folder)]) == 0
    assert f"finished already: {folder}" in capsys.readouterr().err
    assert len(read_metrics(folder / "metrics.jsonl")) == 3


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["CRITIC_DEPTH=6"], "--set CRITIC_DEPTH=6: CRITIC_DEPTH is 6; it must be a multiple of 4"),
        (["WIDHT=3"], "Did you mean 'WIDTH'?"),
        (["buffer.TrajectoryBuffer.capacity=100"], "an episode fills"),
        (["Experiment.eval_environment=@env.Ant()"], "has other sizes than the training task"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(overrides, message, capsys):
    assert main([str(QUICKSTART), "--check", "--set", *overrides]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


def test_a_missing_file_ends_with_exit_code_two():
    command = [sys.executable, "-m", "dsl.run", "experiments/quickstrat.gin"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2
    assert "Did you mean" in done.stderr
    assert "Traceback" not in done.stderr


def test_words_are_listed(capsys):
    assert main(["--words", "energy"]) == 0
    shown = capsys.readouterr().out
    assert "@energy.NegativeL2()" in shown
    assert "epsilon = 1e-06" in shown
    assert main(["--words", "enregy"]) == 2
    assert "Did you mean 'energy'?" in capsys.readouterr().err


def test_a_setting_of_jax_that_an_own_module_changes_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    module = "import jax\n\njax.config.update('jax_debug_nans', True)\n"
    (tmp_path / "changing_jax.py").write_text(module)
    (tmp_path / "mine.gin").write_text("import changing_jax\ninclude 'quickstart.gin'\n")
    try:
        with forgotten("changing_jax"):
            assert main(["mine.gin", "--check"]) == 2
    finally:
        jax.config.update("jax_debug_nans", False)
    assert "jax_debug_nans is True" in capsys.readouterr().err
