"""The command: what it writes from recorded metrics, and what it says of what it cannot use."""

import csv
import os
import re

import numpy as np
import PIL.Image
import pytest
from made_up_runs import make_run

from dsl.cli.report import main
from dsl.report.data.comparison import compare_runs
from dsl.report.data.runs import read_runs
from dsl.report.document import publish
from dsl.report.document.page import Picture
from dsl.report.document.publish import publish_pictures
from dsl.report.figures.curves import learning_curves

QUICK = ("--no-checkpoints", "--no-aim")


def report(*arguments):
    return main([str(argument) for argument in (*arguments, *QUICK)])


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """Two actor depths, two critic depths, two widths, two batch sizes, two seeds."""
    folder = tmp_path_factory.mktemp("grid")
    for actor, critic in ((4, 4), (4, 64), (64, 4), (64, 64)):
        for batch in (256, 512):
            for seed in range(2):
                make_run(
                    folder / f"{actor}-{critic}-{batch}-{seed}",
                    [0, actor, critic, actor + critic + seed],
                    seed=seed,
                    network__actor__depth=actor,
                    network__critic__depth=critic,
                    Experiment__batch_size=batch,
                )
    return folder


@pytest.fixture(scope="module")
def made(grid, tmp_path_factory):
    """The report of the grid."""
    folder = tmp_path_factory.mktemp("made")
    assert report(grid, "--out", folder) == 0
    return folder


def test_a_report_holds_every_figure_for_the_page_and_for_a_paper(made):
    names = {path.stem for path in made.glob("*.png")}
    assert names == {
        *("learning_curves", "critic_depth_scaling", "actor_depth_scaling"),
        *("batch_size_scaling", "heat_map"),
    }
    assert {path.stem for path in made.glob("*.pdf")} == names
    page = (made / "report.md").read_text()
    shown = re.findall(r"!\[.*?\]\((.*?)\)", page)
    assert {name.removesuffix(".png") for name in shown} == names
    assert (made / "final.md").read_text() in page
    assert "| `4-64-512-1` | PointMaze u_maze | 512 | 4 | 64 | 1 | 3,000 | yes |" in page
    for path in made.glob("*.png"):
        pixels = np.asarray(PIL.Image.open(path).convert("L"))
        assert pixels.shape[1] >= 600  # 3.3 inches at 200 dots
        assert pixels.std() > 10  # something is drawn


def test_a_report_made_again_is_the_same(grid, made, tmp_path):
    assert report(grid, "--out", tmp_path) == 0
    for name in ("final.csv", "final.md", "learning_curves.png", "heat_map.pdf"):
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes()


def test_what_is_left_out_is_named(tmp_path, capsys):
    make_run(tmp_path / "runs" / "under_way", [0, 1], seed=5, left=7)
    make_run(tmp_path / "runs" / "done", [0, 1], seed=6)
    make_run(tmp_path / "runs" / "other", [{"train/critic_loss": 1.0}] * 2, seed=7)
    (tmp_path / "runs" / "torn").mkdir()
    (tmp_path / "runs" / "torn" / "experiment.json").write_text("{")
    assert report(tmp_path / "runs", tmp_path / "nowhere", "--out", tmp_path / "r") == 0
    said = capsys.readouterr().out
    page = (tmp_path / "r" / "report.md").read_text()
    for line in (
        "nowhere: is not there.",
        "torn: experiment.json is damaged",
        "under_way: not finished; 1,000 environment steps so far.",
        "other: has no eval/time_at_goal.",
    ):
        assert line in said
        assert line in page
    (row,) = csv.DictReader((tmp_path / "r" / "final.csv").read_text().splitlines())
    assert (row["runs"], row["iqm"]) == ("1", "1.0")


def test_the_page_states_what_was_averaged_and_not_what_was_asked_for(tmp_path):
    make_run(tmp_path / "runs" / "a", [0, *range(17)])
    assert report(tmp_path / "runs", "--last", "500", "--out", tmp_path / "r") == 0
    page = (tmp_path / "r" / "report.md").read_text()
    assert "mean of its last 17 evaluations; 500 were asked for, and there are no more." in page
    assert "| yes | 8 | 17 |" in page
    assert "One run each, without an interval." in page
    (row,) = csv.DictReader((tmp_path / "r" / "final.csv").read_text().splitlines())
    assert row["evaluations"] == "17"


def test_mistakes_are_told_in_a_line(grid, tmp_path, capsys):
    assert report(tmp_path / "nowhere", "--out", tmp_path / "r") == 2
    said = capsys.readouterr().err
    assert said == f"{tmp_path}/nowhere: is not there.\nThere is no run to report on.\n"
    assert report(grid, "--out", tmp_path / "r", "--metric", "eval/time_at_gaol") == 2
    assert capsys.readouterr().err == (
        "--metric eval/time_at_gaol: no run has it. Did you mean 'eval/time_at_goal'? "
        "There are: eval/time_at_goal.\n"
    )
    assert not (tmp_path / "r").exists()
    (tmp_path / "file").touch()
    assert report(grid, "--out", tmp_path / "file") == 2
    assert (
        "cannot be written (File exists). Move away what has its name, or choose"
        in capsys.readouterr().err
    )


def test_a_run_alone_and_before_its_end_has_a_curve(tmp_path):
    make_run(tmp_path / "runs", [0, 1], left=1)
    assert report(tmp_path / "runs", "--out", tmp_path / "r") == 0
    assert (tmp_path / "r" / "learning_curves.png").exists()
    assert (tmp_path / "r" / "final.csv").read_text().count("\n") == 1


def test_figures_of_a_run_are_kept_in_its_folder_and_shown_in_aim(tmp_path, monkeypatch):
    runs = [make_run(tmp_path / name / "run", [0, 1]) for name in ("with_aim", "without")]
    (tmp_path / "with_aim" / ".aim").mkdir()
    picture = tmp_path / "norms.png"
    PIL.Image.new("L", (4, 3)).save(picture)
    asked, said = [], []
    monkeypatch.setattr(
        publish, "add_runs", lambda *a, rebuild: asked.append((*a[:2], rebuild)) or ["in use"]
    )
    for _ in range(2):
        publish_pictures({run: [Picture("norms", picture)] for run in runs}, said.append)
        for run in runs:
            (kept,) = (run / "pictures").iterdir()
            assert (kept.name, kept.read_bytes()) == ("report_norms.png", picture.read_bytes())
    assert asked == 2 * [([runs[0]], tmp_path / "with_aim", False)]
    assert said[:3] == [
        "Aim: in use",
        f"Aim: python -m dsl.track {tmp_path}/with_aim adds the figures later.",
        f"Aim: there is no {tmp_path}/without/.aim; "
        f"python -m dsl.track {tmp_path}/without makes one.",
    ]


def test_runs_are_scored_by_the_metric_of_their_best_checkpoint(tmp_path, capsys):
    by_distance = {"Experiment__best_by": "-eval/final_distance"}
    for seed in range(2):
        scores = [{"eval/final_distance": 9.0}, {"eval/final_distance": 2.0 + seed}]
        make_run(tmp_path / f"far{seed}", scores, seed=seed, **by_distance)
    assert report(tmp_path, "--out", tmp_path / "out", "--last", 1) == 0
    assert "| 2.50 |" in (tmp_path / "out" / "final.md").read_text()
    assert "`eval/final_distance`" in (tmp_path / "out" / "report.md").read_text()
    make_run(tmp_path / "other", [0, 1])
    assert report(tmp_path, "--out", tmp_path / "mixed") == 2
    assert (
        "by different metrics (eval/final_distance, eval/time_at_goal). Choose the score"
        in capsys.readouterr().err
    )


def test_a_metric_of_best_by_that_no_run_has_is_named(tmp_path, capsys):
    make_run(tmp_path / "run", [0, 1], Experiment__best_by="eval/final_success")
    assert report(tmp_path, "--out", tmp_path / "out") == 2
    assert (
        "Experiment.best_by is eval/final_success, and no run has it. Choose another with --metric."
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(("share", "told"), [(0.075, True), (0.009, False)])
def test_episodes_that_start_inside_the_goal_are_told(tmp_path, capsys, share, told):
    line = "PointMaze u_maze: 7.5% of the evaluation episodes start inside the goal"
    scores = [{"eval/time_at_goal": s, "eval/success_at_start": share} for s in (0, 40)]
    make_run(tmp_path / "run", scores)
    assert report(tmp_path / "run", "--out", tmp_path / "out") == 0
    assert (line in (tmp_path / "out" / "report.md").read_text()) is told
    assert (line in capsys.readouterr().out) is told


def test_names_mean_what_they_say(tmp_path):
    """Dollar signs are no mathematics, pipes no columns, and long values do not fill the page."""
    layouts = ["$x_1$ | <b>", "\\frac{" + "long " * 60, "two\nlines"]
    for i, layout in enumerate(layouts):
        name = f"$a_{i} | `b`"
        make_run(tmp_path / name, [0, 1 + i], name=name, env__PointMaze__layout=layout)
    assert report(tmp_path, "--out", tmp_path / "out") == 0
    page = (tmp_path / "out" / "report.md").read_text()
    table = [line for line in page.splitlines() if line.startswith(r"| \$a_")]
    assert len(table) == 3
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {10}
    assert r"\$x_1\$ \| \<b\>" in page
    assert max(map(len, page.splitlines())) < 500


def test_names_that_are_no_text_are_shown_with_replacements(tmp_path):
    """Bytes that are no UTF-8, surrogates and control characters reach page, table and figures."""
    for i, depth in enumerate(["\udcff\x1b[31m", "\ud800|"]):
        name = os.fsdecode(b"\xff%d" % i)
        make_run(
            tmp_path / name, [0, 1 + i], env__PointMaze__layout=depth, network__critic__depth=depth
        )
    assert report(tmp_path, "--out", tmp_path / "out") == 0
    page = (tmp_path / "out" / "report.md").read_text()
    assert "| `\ufffd0` | PointMaze \ufffd\ufffd\\[31m\\~" in page
    assert "\x1b" not in page


def test_an_unknown_metric_is_named_in_short(tmp_path, capsys):
    make_run(tmp_path / "run", [0, 1])
    assert report(tmp_path, "--out", tmp_path / "out", "--metric", "eval/\n" + "x" * 300) == 2
    said = capsys.readouterr().err
    assert max(map(len, said.splitlines())) < 200
    assert "no run has it" in said


def test_a_legend_shows_labels_that_begin_with_an_underscore(tmp_path):
    for i, depth in enumerate(["_a", "__b"]):
        make_run(tmp_path / str(i), [0, 1 + i], network__critic__depth=depth)
    figure = learning_curves(compare_runs(read_runs([tmp_path])[0], "eval/time_at_goal"))
    shown = {text.get_text().strip("\u200b") for text in figure.legends[0].get_texts()}
    assert shown == {"_a", "__b"}
