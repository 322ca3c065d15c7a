"""Final performance from runs with known scores."""

import csv

import numpy as np
import pytest
from made_up_runs import make_run

from dsl.records.resume import Finished, mark_finished
from dsl.report.data.comparison import compare_runs
from dsl.report.data.runs import Curve, read_runs
from dsl.report.data.scores import score_groups, scores_as_csv, scores_as_markdown
from dsl.report.figures.curves import estimate_along_steps

METRIC = "eval/time_at_goal"


def compared(folder):
    return compare_runs(read_runs([folder])[0], METRIC)


def test_the_score_is_the_mean_of_the_last_evaluations(tmp_path):
    make_run(tmp_path / "a", [99, 1, 2, 3, 4, 5, 6], seed=0)
    make_run(tmp_path / "b", [99, 9, 9, 9, 9, 9, 9], seed=1)
    (last,) = score_groups(compared(tmp_path), 1)
    (five,) = score_groups(compared(tmp_path), 5)
    (all_of_them,) = score_groups(compared(tmp_path), 100)
    assert (last.runs, last.iqm, last.mean) == (2, 7.5, 7.5)
    assert five.iqm == (4 + 9) / 2
    assert all_of_them.iqm == (3.5 + 9) / 2  # without the untrained policy's 99
    assert last.standard_error == pytest.approx(1.5)
    assert (last.low, last.high) == (6, 9)


def test_the_number_of_evaluations_is_what_was_averaged(tmp_path):
    for seed, scores in enumerate(([99, 1, 2, 3], [99, 9], [99])):
        make_run(tmp_path / str(seed), scores, seed=seed, Experiment__total_env_steps=0)
    comparison = compared(tmp_path)
    (score,) = score_groups(comparison, 500)
    assert score.evaluations == "1 to 3"
    (row,) = csv.DictReader(scores_as_csv(comparison, [score]).splitlines())
    assert (row["evaluations"], row["runs"]) == ("1 to 3", "3")
    assert [score.evaluations for score in score_groups(comparison, 1)] == ["1"]


def test_unfinished_runs_have_no_final_performance(tmp_path):
    make_run(tmp_path / "a", [0, 1, 1], seed=0)
    make_run(tmp_path / "b", [0, 50], seed=1, left=1)
    (score,) = score_groups(compared(tmp_path), 5)
    assert (score.runs, score.iqm) == (1, 1)
    assert np.isnan(score.low)


def test_a_finished_run_that_is_being_extended_is_not_finished(tmp_path):
    run = make_run(tmp_path / "a", [0, 1, 1], left=3)
    mark_finished(run, Finished(1, 1000))
    assert score_groups(compared(tmp_path), 5) == []
    mark_finished(run, Finished(5, 5000))
    assert len(score_groups(compared(tmp_path), 5)) == 1


def test_labels_of_every_task_are_scored_over_all_tasks(tmp_path):
    """By the share of the episode: 100 steps here, 1000 there."""
    for seed, depth, small, big in ((0, 4, 10, 500), (1, 4, 30, 700), (0, 8, 40, 800)):
        change = {"seed": seed, "network__critic__depth": depth}
        make_run(tmp_path / f"u{depth}{seed}", [0, small], **change)
        long = {"env__PointMaze__layout": "big_maze", "env__PointMaze__episode_length": 1000}
        make_run(tmp_path / f"b{depth}{seed}", [0, big], **change, **long)
    comparison = compared(tmp_path)
    found = {(score.task, score.values): score for score in score_groups(comparison, 5)}
    over_all = found["all tasks", (4,)]
    assert over_all.iqm == pytest.approx((0.3 + 0.5) / 2)  # the middle of 0.1, 0.3, 0.5, 0.7
    assert over_all.runs == 4
    assert found["all tasks", (8,)].iqm == pytest.approx((0.4 + 0.8) / 2)
    assert found["PointMaze big_maze episode length 1000", (4,)].iqm == 600


def test_tables(tmp_path):
    for depth, values in ((4, (10, 20)), (16, (1234, 1236))):
        for seed, value in enumerate(values):
            name = f"{depth}-{seed}"
            make_run(tmp_path / name, [0, value], seed=seed, network__critic__depth=depth)
    comparison = compared(tmp_path)
    found = score_groups(comparison, 5)
    assert scores_as_markdown(comparison, found).splitlines() == [
        "| task | critic depth | runs | IQM | 95% interval | mean ± standard error |",
        "| --- | --- | --- | --- | --- | --- |",
        "| PointMaze u_maze | 4 | 2 | 15.0 | 10.0 to 20.0 | 15.0 ± 5.00 |",
        "| PointMaze u_maze | 16 | 2 | 1235 | 1234 to 1236 | 1235 ± 1.00 |",
    ]
    rows = list(csv.DictReader(scores_as_csv(comparison, found).splitlines()))
    assert [row["critic depth"] for row in rows] == ["4", "16"]
    assert {row["metric"] for row in rows} == {METRIC}
    assert (float(rows[0]["iqm"]), float(rows[0]["low"]), rows[0]["runs"]) == (15, 10, "2")


def test_curves_are_aligned_by_steps_as_far_as_each_run_goes():
    steps = [np.array([0, 10, 20, 30]), np.array([0, 20])]
    curves = [Curve(steps[0], np.array([0.0, 1, 2, 3])), Curve(steps[1], np.array([10.0, 30]))]
    at, found = estimate_along_steps(curves)
    assert at.tolist() == [0, 10, 20, 30]
    np.testing.assert_allclose(found.iqm, [5, 10.5, 16, 3])
    np.testing.assert_allclose(found.low[:3], [0, 1, 2])
    assert np.isnan(found.low[3])  # one run is left
