"""Which runs are alike but for their seed, and what the others are called."""

import json

import pytest
from made_up_runs import make_run

from dsl.report.data.comparison import compare_runs
from dsl.report.data.display import setting_in_words
from dsl.report.data.runs import metrics_of, read_runs

METRIC = "eval/time_at_goal"


def compared(folder, metric=METRIC):
    runs, problems = read_runs([folder])
    assert problems == []
    return compare_runs(runs, metric)


def labels(comparison):
    return [(group.task, group.label, len(group.scored_runs)) for group in comparison.groups]


def test_seeds_of_one_setting_are_one_group(tmp_path):
    for seed in range(3):
        make_run(tmp_path / f"r{seed}", [0, 1], seed=seed)
    found = compared(tmp_path)
    assert (found.columns, labels(found)) == ([], [("PointMaze u_maze", "", 3)])


def test_the_depth_of_one_network_or_of_both(tmp_path):
    for depth in (16, 4, 256):
        for seed in range(2):
            name, deep = f"{depth}-{seed}", {"network__critic__depth": depth}
            make_run(tmp_path / "critic" / name, [0, 1], seed=seed, **deep)
            deep |= {"network__actor__depth": depth}
            make_run(tmp_path / "both" / name, [0, 1], seed=seed, **deep)
    critic, both = compared(tmp_path / "critic"), compared(tmp_path / "both")
    assert (critic.columns, both.columns) == (["critic depth"], ["depth"])
    assert [g.label for g in critic.groups] == [g.label for g in both.groups] == ["4", "16", "256"]


def test_what_changes_nothing_in_the_numbers_is_no_difference(tmp_path):
    make_run(tmp_path / "a", [0, 1], seed=0)
    make_run(tmp_path / "b", [0, 1], seed=1, Experiment__film=False)
    make_run(tmp_path / "c", [0, 1], seed=2, Experiment__checkpoint_minutes=1.0)
    assert labels(compared(tmp_path)) == [("PointMaze u_maze", "", 3)]


def test_every_task_has_its_groups(tmp_path):
    for layout in ("u_maze", "big_maze"):
        for batch in (128, 2048):
            change = {"env__PointMaze__layout": layout, "Experiment__batch_size": batch}
            make_run(tmp_path / f"{layout}-{batch}", [0, 1], **change)
    found = compared(tmp_path)
    assert found.columns == ["batch size"]
    assert labels(found) == [
        ("PointMaze big_maze", "128", 1),
        ("PointMaze big_maze", "2048", 1),
        ("PointMaze u_maze", "128", 1),
        ("PointMaze u_maze", "2048", 1),
    ]


def test_tasks_that_differ_in_training_alone_are_told_apart(tmp_path):
    scored = {"Experiment__eval_environment": "eval/env.PointMaze"}
    own = {"env__eval__word": "PointMaze", "env__eval__layout": "u_maze_eval"}
    for layout in ("u_maze", "big_maze"):
        make_run(tmp_path / layout, [0, 1], env__PointMaze__layout=layout, **scored, **own)
    assert compared(tmp_path).tasks == [
        "PointMaze u_maze_eval, trained on PointMaze big_maze",
        "PointMaze u_maze_eval, trained on PointMaze u_maze",
    ]


def test_files_are_named_and_their_settings_only_where_a_file_ran_with_several(tmp_path):
    make_run(tmp_path / "crl", [0, 1], name="crl", goal__Future__discount=0.99)
    make_run(tmp_path / "sac0", [0, 1], name="sac", target__Polyak__rate=0.1)
    make_run(tmp_path / "sac1", [0, 1], name="sac", target__Polyak__rate=0.5)
    found = compared(tmp_path)
    assert found.columns == ["experiment", "rate"]
    assert [group.label for group in found.groups] == ["crl, None", "sac, 0.1", "sac, 0.5"]


def test_every_learner_of_a_run_is_a_line(tmp_path):
    both = [{"eval/deep/time_at_goal": i, "eval/shallow/time_at_goal": 2 * i} for i in range(3)]
    make_run(tmp_path / "r", both)
    found = compared(tmp_path)
    assert (found.columns, [g.label for g in found.groups]) == (["learner"], ["deep", "shallow"])
    (deep,), (shallow,) = (group.scored_runs for group in found.groups)
    assert deep.curve.values.tolist() == [0, 1, 2]
    assert shallow.curve.values.tolist() == [0, 2, 4]
    assert metrics_of([deep.run]) == [METRIC]
    alone = compared(tmp_path, "eval/shallow/time_at_goal")
    assert [group.label for group in alone.groups] == ["shallow"]


def test_a_number_that_is_missing_is_left_out_of_its_curve(tmp_path):
    make_run(tmp_path / "r", [1, None, 3])
    (group,) = compared(tmp_path).groups
    assert group.scored_runs[0].curve.steps.tolist() == [0, 2000]


def test_repeated_damaged_and_foreign_folders_are_named(tmp_path):
    make_run(tmp_path / "a", [0, 1], seed=3)
    make_run(tmp_path / "b", [0, 1], seed=3)
    make_run(tmp_path / "empty", [])
    make_run(tmp_path / "torn", [0, 1])
    (tmp_path / "torn" / "metrics.jsonl").write_text("rubbish\n")
    make_run(tmp_path / "odd", [0, 1])
    odd = {"name": "odd", "macros": {}, "hyperparameters": [1]}
    (tmp_path / "odd" / "experiment.json").write_text(json.dumps(odd))
    runs, problems = read_runs([tmp_path, tmp_path / "nowhere"])
    assert [run.folder.name for run in runs] == ["a"]
    assert problems[0] == f"{tmp_path}/nowhere: is not there."
    assert f"{tmp_path}/b: repeats {tmp_path}/a, seed and all; left out." in problems
    assert f"{tmp_path}/empty: has no epoch yet." in problems
    for damage in ("torn: metrics.jsonl is damaged", "odd: experiment.json is damaged"):
        assert any(damage in problem for problem in problems)


def test_epochs_that_a_record_lacks_are_named(tmp_path):
    hole = make_run(tmp_path / "hole", [0, 1, 2, 3], seed=1)
    lines = (hole / "metrics.jsonl").read_text().splitlines(keepends=True)
    (hole / "metrics.jsonl").write_text("".join([lines[0], lines[3]]))
    end = make_run(tmp_path / "end", [0, 1, 2], seed=2)
    (end / "finished.json").write_text('{"epoch": 3, "env_steps": 3000}')
    runs, problems = read_runs([tmp_path])
    assert len(runs) == 2
    assert problems == [
        f"{end}: its record lacks epoch 3.",
        f"{hole}: its record lacks epochs 1 to 2.",
    ]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (512, "512"),
        (100_000_000, "100,000,000"),
        (0.5, "0.5"),
        ("energy.Cosine", "Cosine"),
        (True, "True"),
        ("u_maze", "u_maze"),
    ],
)
def test_settings_in_words(value, words):
    assert setting_in_words(value) == words
