"""A trained policy is scored, drawn, and used from Python."""

import numpy as np
import pytest
from toy_runs import RESIDUAL, checkpoints, own_words, run, write_experiment

from dsl.cli import play
from dsl.errors import UsageError
from dsl.training.policy import load_policy

pytestmark = pytest.mark.usefixtures("quickly_compiled")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    assert run(write_experiment(folder, RESIDUAL), folder / "run")[0] == 0
    return folder / "run"


@pytest.fixture(autouse=True)
def _words():
    with own_words():
        yield


def test_the_best_policy_is_scored_and_drawn(trained, tmp_path, capsys):
    command = [
        str(trained),
        "--episodes",
        "8",
        "--no-film",
        "--out",
        str(tmp_path / "play"),
        "--trust",
    ]
    assert play.main(command) == 0
    shown = capsys.readouterr().out
    (best,) = (trained / "checkpoints").glob("best_*")
    assert f"policy: {best}, learner learner" in shown
    scores = dict(line.split() for line in shown.splitlines() if line.startswith("eval/"))
    assert float(scores["eval/success_rate"]) > 0.5
    assert float(scores["eval/episode_length"]) == 8.0
    assert (tmp_path / "play" / "rollout.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "play" / "rollout.gif").exists()


def test_three_lines_load_a_policy(trained):
    policy = load_policy(trained, trust=True)
    towards = policy([[0.0], [0.0]], [[1.0], [-1.0]])
    assert towards.shape == (2, 1)
    assert towards[0, 0] > 0 > towards[1, 0]
    np.testing.assert_allclose(policy([0.0], [1.0]), towards[0], rtol=1e-5)
    np.testing.assert_array_equal(policy([[0.0]], [[1.0]]), policy([[0.0]], [[1.0]]))


def test_a_checkpoint_by_name(trained):
    newest = checkpoints(trained)[-1]
    assert load_policy(newest, trust=True).checkpoint == newest
    assert load_policy(newest, trust=True)([0.0], [1.0]).shape == (1,)


def test_what_cannot_be_loaded_is_named(trained, tmp_path, capsys):
    assert play.main([str(tmp_path / "nothing")]) == 2
    assert "is neither a run folder nor a checkpoint of one" in capsys.readouterr().err
    with pytest.raises(UsageError, match="has no learner 'deep'; it has learner"):
        load_policy(trained, "deep", trust=True)
    newest = checkpoints(trained)[-1]
    path = newest / "learners.safetensors"
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    with pytest.raises(UsageError, match=r"cannot be used: .* is not what was written"):
        load_policy(newest, trust=True)
    path.write_bytes(good)


def test_a_run_with_code_of_its_own_is_not_played_without_trust(trained, tmp_path, capsys):
    out = tmp_path / "play"
    assert play.main([str(trained), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert "import toy_words" in said
    assert "--trust" in said
    assert not out.exists()
