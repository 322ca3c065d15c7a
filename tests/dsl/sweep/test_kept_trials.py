"""A sweep runs what it judged when it began."""

import pytest

from dsl.errors import UsageError
from dsl.language.configuration import load
from dsl.records.description import describe_file
from dsl.sweep.grid import make_trials
from dsl.sweep.kept_trials import keep_trials, kept_file, recall_trials


@pytest.fixture
def file(tmp_path):
    """A gin file with an included one, both of which may change."""
    (tmp_path / "sizes.gin").write_text("BATCH_SIZE = 16\n")
    text = "include 'quickstart.gin'\ninclude 'sizes.gin'\nsweep.grid = {'SEED': [0, 1]}\n"
    path = tmp_path / "mine.gin"
    path.write_text(text)
    return path


def judge(file, *overrides):
    return make_trials(file, overrides, file.parent / "runs")


def begin(file, *overrides, started=1):
    """Judge a sweep, keep it, and let some of its runs begin."""
    trials = judge(file, *overrides)
    keep_trials(trials)
    for trial in trials[:started]:
        trial.folder.mkdir()
        (trial.folder / "operative.gin").write_text(trial.operative)
    return trials


def recall(file, *overrides):
    said = []
    return recall_trials(file, judge(file, *overrides), said.append), "\n".join(said)


def test_what_was_kept_is_the_run_that_was_judged(file):
    for trial in begin(file, "WIDTH=48"):
        kept = kept_file(trial)
        configuration = load(kept)
        assert configuration.operative_text() == trial.operative == kept.read_text()
        described = describe_file(configuration, kept)
        assert described["name"] == "mine"
        assert described["macros"]["WIDTH"] == 48
        assert described["config"].startswith("include 'quickstart.gin'")
        assert described["hyperparameters"] == trial.description["hyperparameters"]


def test_a_changed_file_is_told_of_and_changes_no_run(file):
    before = begin(file)
    (file.parent / "sizes.gin").write_text("BATCH_SIZE = 8\n")
    trials, said = recall(file)
    assert [trial.operative for trial in trials] == [trial.operative for trial in before]
    assert "mine.gin has changed since this sweep began" in said
    assert "  - Experiment.batch_size = 16\n  + Experiment.batch_size = 8\n" in said
    keep_trials(trials)
    assert recall(file) == (trials, said)


def test_an_unchanged_file_is_not_told_of(file):
    before = begin(file)
    trials, said = recall(file)
    assert said == ""
    assert [trial.operative for trial in trials] == [trial.operative for trial in before]


def test_a_file_may_change_before_any_run_has_begun(file):
    begin(file, started=0)
    (file.parent / "sizes.gin").write_text("BATCH_SIZE = 8\n")
    trials, said = recall(file)
    assert said == ""
    assert "Experiment.batch_size = 8\n" in trials[0].operative


def test_a_sweep_can_be_extended(file):
    begin(file)
    settings = ["TOTAL_ENV_STEPS=900_000", "sweep.grid={'SEED': [1, 2]}"]
    trials, said = recall(file, *settings)
    assert said == ""
    assert all("total_env_steps = 900_000" in trial.operative for trial in trials)


def test_another_setting_on_the_command_line_is_refused(file):
    begin(file)
    with pytest.raises(UsageError, match="holds a sweep with other settings") as caught:
        recall(file, "WIDTH=48")
    assert "  + critic/network.ResidualMLP.width = 48\n" in str(caught.value)


def test_a_changed_word_is_told_of_and_changes_no_run(file):
    module = file.parent / "word_of_a_sweep.py"
    module.write_text("SLOPE = 1\n")
    file.write_text("import word_of_a_sweep\n" + file.read_text())
    before = begin(file)
    module.write_text("SLOPE = 2\n")
    trials, said = recall(file)
    assert "  word_of_a_sweep.py\n" in said
    keep_trials(trials)
    kept = kept_file(before[0]).with_name("words") / "word_of_a_sweep.py"
    assert kept.read_text() == "SLOPE = 1\n"
