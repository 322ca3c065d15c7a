"""Which settings must be the same for a run to be resumed."""

import pytest

from dsl.errors import UsageError
from dsl.records.durable_files import UnreadableError
from dsl.records.same_run import (
    identity_without_seed,
    list_differences,
    require_same_run,
)

OPERATIVE = """# Every value of the run, defaults included. Running this file repeats the run.

Experiment.batch_size = 16
Experiment.total_env_steps = 100
Experiment.prefill_steps = 1_000
Experiment.trackers = [@tracker.WandB()]

loss.InfoNCE.direction = 'forward'
critic/network.ResidualMLP.depth = 4
tracker.WandB.project = 'mazes'
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "operative.gin").write_text(OPERATIVE)
    return tmp_path


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (".", "holds other runs, such as mine. Give --out a folder of its own."),
        ("mine/checkpoints", "is inside of the run .*mine. Give --out another folder."),
    ],
)
def test_runs_are_not_nested(tmp_path, place, said):
    (tmp_path / "mine" / "checkpoints").mkdir(parents=True)
    (tmp_path / "mine" / "experiment.json").touch()
    with pytest.raises(UsageError, match=said):
        require_same_run(tmp_path / place, OPERATIVE, print)
    assert require_same_run(tmp_path / "other", OPERATIVE, print) is False


def test_an_emptied_description_is_told_from_another_run(folder):
    (folder / "operative.gin").write_text("\n")
    with pytest.raises(UsageError, match=r"operative\.gin: is empty, so nothing says which run"):
        require_same_run(folder, OPERATIVE, print)


def test_an_empty_folder_holds_no_run(tmp_path):
    assert require_same_run(tmp_path, OPERATIVE, print) is False


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("total_env_steps = 100", "total_env_steps = 900"),
        ("[@tracker.WandB()]", "[]"),
        ("'mazes'", "'ants'"),
        ("batch_size = 16", "batch_size = 1_6"),
        ("# Every value of the run", "# All values"),
    ],
)
def test_what_changes_no_number_may_change(folder, old, new):
    assert old in OPERATIVE
    assert require_same_run(folder, OPERATIVE.replace(old, new), print) is True


def test_a_sweep_tells_a_run_of_another_length_apart():
    longer = OPERATIVE.replace("= 100", "= 900").replace("mazes", "ants")
    assert list_differences(OPERATIVE, longer) == []
    assert list_differences(OPERATIVE, longer, ignored=()) == [
        "  - Experiment.total_env_steps = 100",
        "  + Experiment.total_env_steps = 900",
        "  - tracker.WandB.project = 'mazes'",
        "  + tracker.WandB.project = 'ants'",
    ]


def test_other_settings_are_shown_line_by_line(folder):
    with pytest.raises(UsageError) as caught:
        require_same_run(
            folder, OPERATIVE.replace("16", "8").replace("forward", "symmetric"), print
        )
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{folder}: holds a run with other settings (- there, + asked for):"
    assert lines[1:5] == [
        "  - Experiment.batch_size = 16",
        "  + Experiment.batch_size = 8",
        "  - loss.InfoNCE.direction = 'forward'",
        "  + loss.InfoNCE.direction = 'symmetric'",
    ]
    assert "total_env_steps" in lines[5]


def test_a_run_from_before_a_setting_was_renamed_is_the_same_run():
    assert list_differences(OPERATIVE.replace("prefill_steps", "fill_rows"), OPERATIVE) == []


def test_a_setting_that_did_not_exist_then_counts_as_its_default():
    default, other = ("Experiment.num_envs = 512\n", "Experiment.num_envs = 64\n")
    assert list_differences(OPERATIVE, OPERATIVE + default) == []
    assert list_differences(OPERATIVE, OPERATIVE + other) == ["  + Experiment.num_envs = 64"]
    scoped = "critic/network.ResidualMLP.width = 256\n"
    assert list_differences(OPERATIVE, OPERATIVE + scoped) == []
    assert list_differences(OPERATIVE + other, OPERATIVE) == ["  - Experiment.num_envs = 64"]


@pytest.mark.parametrize("spelt", ["3", "3.0"])
def test_a_default_is_the_same_however_it_is_spelt(spelt, folder, capsys):
    new = f"{OPERATIVE}learner.ImplicitQLearning.inverse_temperature = {spelt}\n"
    assert list_differences(OPERATIVE, new) == []
    assert require_same_run(folder, new, print) is True
    assert f"inverse_temperature = {spelt}, which is its default" in capsys.readouterr().out


def test_runs_that_differ_in_their_seeds_share_the_rest():
    one, two = (f"{OPERATIVE}Experiment.seed = {seed}\n" for seed in (1, 2))
    assert identity_without_seed(one) == identity_without_seed(two)
    assert identity_without_seed(one) == identity_without_seed(two.replace("= 16", "= 16.0"))
    assert identity_without_seed(one) != identity_without_seed(two.replace("= 16", "= 8"))


def test_a_run_from_before_an_upgrade_is_continued_with_a_line(folder, capsys):
    new = OPERATIVE + "Experiment.num_envs = 512\ncritic/network.ResidualMLP.width = 256\n"
    (folder / "operative.gin").write_text(OPERATIVE.replace("prefill_steps", "fill_rows"))
    assert require_same_run(folder, new, print) is True
    assert capsys.readouterr().out.splitlines() == [
        f"{folder}/operative.gin describes the same run, but without:",
        "  Experiment.num_envs = 512, which is its default",
        "  critic/network.ResidualMLP.width = 256, which is its default",
        "  Experiment.prefill_steps, under this name",
    ]
    assert require_same_run(folder, OPERATIVE, print) is True
    assert "num_envs" not in capsys.readouterr().out


def test_a_run_of_this_version_is_continued_without_a_line(folder, capsys):
    longer = OPERATIVE.replace("= 100", "= 900").replace("[@tracker.WandB()]", "[]")
    assert require_same_run(folder, longer, print) is True
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("then", "now"), [("1", "1.0"), ("(1, 2.5)", "(1.0, 2.5)")])
def test_a_whole_number_is_the_float_of_the_same_value(then, now):
    before, after = (f"{OPERATIVE}own.Loss.weight = {value}\n" for value in (then, now))
    assert list_differences(before, after) == list_differences(after, before) == []
    other = f"{OPERATIVE}own.Loss.weight = True\n"
    assert list_differences(before, other)[1:] == ["  + own.Loss.weight = True"]


def test_settings_of_words_that_are_gone_are_still_shown():
    gone = "own.Loss.weight = 2.0\n"
    assert list_differences(OPERATIVE + gone, OPERATIVE) == ["  - own.Loss.weight = 2.0"]
    assert list_differences(OPERATIVE, OPERATIVE + gone) == ["  + own.Loss.weight = 2.0"]


@pytest.mark.parametrize("name", ["metrics.jsonl", "environment.json"])
def test_a_record_that_does_not_say_which_run_it_is_of_is_refused(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(UsageError, match=f"holds {name} of a run, but no operative.gin"):
        require_same_run(tmp_path, OPERATIVE, print)


def test_settings_that_cannot_be_read_now_are_not_taken_for_another_run(folder, monkeypatch):
    def refuse(*_, **__):
        raise OSError(116, "Stale file handle")

    with monkeypatch.context() as server:
        server.setattr("builtins.open", refuse)
        with pytest.raises(UnreadableError, match="Stale file handle"):
            require_same_run(folder, OPERATIVE, print)
    assert require_same_run(folder, OPERATIVE, print) is True


def test_a_damaged_file_of_settings_is_named_with_its_line(folder):
    (folder / "operative.gin").write_text("Experiment.seed = \n")
    with pytest.raises(UsageError, match=r"operative\.gin:1: "):
        require_same_run(folder, OPERATIVE, print)
