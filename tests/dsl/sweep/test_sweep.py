"""Sweeps: what varies, stated in the gin file, and the runs of all its combinations."""

import json

import pytest
from toy_runs import EXPERIMENT, ROOT, epochs, own_words, variables, write_experiment

from dsl.cli import sweep
from dsl.cli.run import main as run_main
from dsl.errors import UsageError
from dsl.language.configuration import ConfigError, load
from dsl.sweep import grid
from dsl.sweep.grid import Trial, make_trials, require_distinct_folders

BASE = f"include '{ROOT / 'experiments' / 'quickstart.gin'}'\n"
GRID = "sweep.grid = {'CRITIC_DEPTH': [4, 8], 'env.PointMaze.layout': ['u_maze', 'big_maze']}\n"


def write(folder, text):
    file = folder / "mine.gin"
    file.write_text(BASE + text)
    return file


def test_every_combination_is_a_run_with_its_name(tmp_path):
    found = make_trials(write(tmp_path, GRID), ["WIDTH=8"], tmp_path)
    assert [trial.folder.name for trial in found] == [
        "CRITIC_DEPTH=4,layout=u_maze",
        "CRITIC_DEPTH=4,layout=big_maze",
        "CRITIC_DEPTH=8,layout=u_maze",
        "CRITIC_DEPTH=8,layout=big_maze",
    ]
    assert found[3].overrides == [
        *("WIDTH=8", "CRITIC_DEPTH=8", "env.PointMaze.layout='big_maze'"),
    ]
    last = found[3].operative.splitlines()
    assert "critic/network.ResidualMLP.depth = 8" in last
    assert "env.PointMaze.layout = 'big_maze'" in last
    assert "critic/network.ResidualMLP.width = 8" in last


def test_signs_and_quotes_in_the_names_of_folders(tmp_path):
    entropy = "temperature.TunedTemperature.target_entropy_per_dimension"
    grid = f"sweep.grid = {{{entropy!r}: [-0.5, 0.5], 'optimiser.adam.b1': [1e-3]}}\n"
    found = make_trials(write(tmp_path, grid), [], tmp_path)
    assert [trial.folder.name for trial in found] == [
        "target_entropy_per_dimension=-0.5,b1=0.001",
        "target_entropy_per_dimension=0.5,b1=0.001",
    ]


def test_values_that_are_too_long_for_a_file_name(tmp_path):
    """Folders have names of 200 bytes at most, which still tell them apart."""
    layouts = [["#" * 90 + "\n#rg#\n" + "#" * 90, "é" * 200 + end] for end in "ab"]
    varied = [{"SEED": "0", "TEXT": repr(text)} for texts in layouts for text in texts]
    names = [grid._folder_name(each) for each in varied]
    assert all(name.startswith("SEED=0,TEXT=") for name in names)
    assert max(len(name.encode()) for name in names) <= 200
    assert len(set(names)) == 3
    for name in names:
        (tmp_path / name).mkdir(exist_ok=True)


def test_dollars_pipes_and_line_breaks_are_no_part_of_a_folder():
    values = {"TEXT": repr("$a|b\nc/../d*"), "env.PointMaze.layout": "''"}
    assert grid._folder_name(values) == "TEXT=a-b-nc-..-d,layout="


def test_two_combinations_never_share_a_folder(tmp_path):
    one, other = Trial(["A=[1]"], tmp_path / "A=1", ""), Trial(["A=(1,)"], tmp_path / "A=1", "")
    with pytest.raises(UsageError, match=r"A=\[1\] and A=\(1,\) would share the folder"):
        require_distinct_folders(tmp_path / "mine.gin", [one, other])


def test_two_combinations_are_never_the_same_experiment(tmp_path):
    grid = "sweep.grid = {'CRITIC_DEPTH': [4, 8], ('WIDTH', 'NUM_ENVS'): [(8, 16), (%EIGHT, 16)]}\n"
    with pytest.raises(ConfigError, match=r"the value \(8, 16\) twice"):
        make_trials(write(tmp_path, "EIGHT = 8\n" + grid), [], tmp_path)
    text = "ONE = 8\ncritic/network.ResidualMLP.width = %ONE\n"
    grid = "sweep.grid = {'ONE': [8, 16], 'critic/network.ResidualMLP.width': [8, %ONE]}\n"
    with pytest.raises(UsageError, match=r"ONE=8 .*=8 and ONE=8 .*=%ONE are the same experiment"):
        make_trials(write(tmp_path, text + grid), [], tmp_path)


@pytest.mark.parametrize(
    "name", ["SEDE", "network.ResidualMLP.wdth", "cirtic/network.ResidualMLP.w"]
)
def test_check_judges_the_names_that_vary(tmp_path, capsys, name):
    file = write(tmp_path, f"sweep.grid = {{{name!r}: [4, 8]}}\n")
    assert run_main([str(file), "--check"]) == 2
    last_line = len(file.read_text().splitlines())
    error = capsys.readouterr().err
    assert f":{last_line}: " in error
    assert "there is no" in error or "has no setting" in error or "refers to the scope" in error


def test_check_takes_values_for_names_that_vary(tmp_path, monkeypatch):
    judged = []
    monkeypatch.setattr("dsl.sweep.grid.make_trials", lambda *given: judged.append(given))
    monkeypatch.setattr("dsl.training.description.describe_experiment", lambda _: "")
    file = write(tmp_path, GRID)
    assert run_main([str(file), "--check", "--set", "CRITIC_DEPTH=8", "WIDTH=8"]) == 0
    assert [overrides for _, overrides, _ in judged] == [["WIDTH=8"]]


def test_names_that_vary_together(tmp_path):
    grid = "sweep.grid = {('WIDTH', 'CRITIC_DEPTH'): [(8, 4), [16, 64]], 'SEED': [0, 1]}\n"
    found = make_trials(write(tmp_path, grid), [], tmp_path)
    assert [trial.folder.name for trial in found] == [
        "WIDTH=8,CRITIC_DEPTH=4,SEED=0",
        "WIDTH=8,CRITIC_DEPTH=4,SEED=1",
        "WIDTH=16,CRITIC_DEPTH=64,SEED=0",
        "WIDTH=16,CRITIC_DEPTH=64,SEED=1",
    ]
    assert found[2].overrides == ["WIDTH=16", "CRITIC_DEPTH=64", "SEED=0"]
    assert "critic/network.ResidualMLP.depth = 64" in found[2].operative


def test_a_sweep_changes_nothing_in_the_experiment_itself(tmp_path):
    plain = load(write(tmp_path, "")).operative_text()
    assert load(write(tmp_path, GRID)).operative_text() == plain


def test_the_command_line_sets_what_varies(tmp_path):
    found = make_trials(write(tmp_path, GRID), ["sweep.grid={'SEED': [3, 4, 5]}"], tmp_path)
    assert [trial.folder.name for trial in found] == ["SEED=3", "SEED=4", "SEED=5"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sweep.gird = {'SEED': [0]}", "a sweep has one setting, sweep.grid. Did you mean 'grid'?"),
        ("sweep.grid = [0, 1]", "sweep.grid is not a dict of lists"),
        ("sweep.grid = {}", "sweep.grid is not a dict of lists"),
        ("sweep.grid = {'SEED': 3}", "has 3 for 'SEED', which is not a list"),
        ("sweep.grid = {'SEED': []}", "has no values for 'SEED': the list is empty"),
        ("sweep.grid = {3: [1]}", "has the key 3"),
        ("sweep.grid = {'SEED': [1, 1]}", "gives 'SEED' the value 1 twice"),
        ("sweep.grid = {(): [()]}", "has the key ()"),
        ("sweep.grid = {('SEED', 3): [(1, 1)]}", "has the key ('SEED', 3)"),
        ("sweep.grid = {('SEED', 'WIDTH'): [1]}", "gives ('SEED', 'WIDTH') the value 1; it must"),
        ("sweep.grid = {('SEED', 'WIDTH'): [(1, 8, 4)]}", "the value (1, 8, 4); it must be 2"),
        ("sweep.grid = {'SEED': [1], ('WIDTH', 'SEED'): [(8, 1)]}", "has 'SEED' twice"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_with_its_line(tmp_path, line, message):
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, f"{line}\n"))
    assert len(caught.value.problems) == 1
    assert "mine.gin:2: " in caught.value.problems[0]
    assert message in caught.value.problems[0]


def test_a_typo_is_found_before_anything_runs(tmp_path, capsys):
    grid = "sweep.grid = {'CRITIC_DEHPT': [4], 'SEED': [0, 1]}\n"
    assert sweep.main([str(write(tmp_path, grid)), "--out", str(tmp_path / "runs")]) == 2
    said = capsys.readouterr().err
    assert "Did you mean 'CRITIC_DEPTH'?" in said
    assert not (tmp_path / "runs").exists()
    wrong = "sweep.grid = {'CRITIC_DEPTH': [4, 6]}\n"
    assert sweep.main([str(write(tmp_path, wrong)), "--list"]) == 2
    assert "must be a multiple of 4" in capsys.readouterr().err


def test_nothing_to_vary(tmp_path, capsys):
    assert sweep.main([str(write(tmp_path, "")), "--list"]) == 2
    assert "nothing varies" in capsys.readouterr().err


def test_a_place_that_cannot_be_written(tmp_path, capsys):
    grid = "sweep.grid = {'SEED': [0]}\n"
    assert sweep.main([str(write(tmp_path, grid)), "--out", "/proc/runs"]) == 2
    assert "/proc/runs/.sweep/SEED=0/operative.gin: cannot be written (" in capsys.readouterr().err


def test_check_tells_of_the_sweep(tmp_path, capsys):
    grid = "{('WIDTH', 'SEED'): [(8, 0), (16, 1)], 'env.PointMaze.layout': ['u_maze', 'big_maze']}"
    assert run_main([str(write(tmp_path, f"sweep.grid = {grid}\n")), "--check"]) == 0
    shown = capsys.readouterr().out
    assert "Sweep\n  runs" in shown
    assert "'u_maze', 'big_maze'" in shown
    assert "(WIDTH, SEED)         (8, 0), (16, 1)" in shown


def test_a_wrong_value_of_a_grid_is_placed_in_the_grid(tmp_path):
    file = write(tmp_path, "sweep.grid = {'CRITIC_DEPTH': [4, 6]}\n")
    with pytest.raises(ConfigError) as caught:
        make_trials(file, [], tmp_path)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{file}: sweep.grid: CRITIC_DEPTH is 6; it must be a multiple of 4.")


def test_what_a_grid_varies_cannot_be_set_beside_it(tmp_path):
    file = write(tmp_path, "sweep.grid = {'SEED': [0, 1]}\n")
    with pytest.raises(UsageError) as caught:
        make_trials(file, ["SEED=3"], tmp_path)
    assert str(caught.value) == (
        f"{file}: sweep.grid varies SEED. To choose among its runs, write "
        "--set \"sweep.grid={'SEED': [3]}\"."
    )


def test_a_run_is_judged_as_it_judges_itself(tmp_path):
    """Finished is what needs no more steps; a setting that may change makes it no other run."""
    file = write(tmp_path, "sweep.grid = {'SEED': [0]}\n")

    def asked(*settings):
        (trial,) = make_trials(file, list(settings), tmp_path)
        return trial

    begun = asked("TOTAL_ENV_STEPS=1000")
    assert begun.status() == "waiting"
    begun.folder.mkdir()
    (begun.folder / "operative.gin").write_text(begun.operative)
    assert (begun.status(), begun.is_extended()) == ("started", False)
    (begun.folder / "finished.json").write_text('{"epoch": 1, "env_steps": 1024}')
    longer = asked("TOTAL_ENV_STEPS=2000")
    assert (longer.status(), longer.is_extended()) == ("started", True)
    assert begun.status() == "damaged record"
    (begun.folder / "metrics.jsonl").write_text('{"epoch": 0}\n{"epoch": 1}\n')
    for same in (["TOTAL_ENV_STEPS=900"], ["TOTAL_ENV_STEPS=1000", "Experiment.film=False"]):
        trial = asked(*same)
        assert (trial.status(), trial.is_extended()) == ("finished", False)
    assert asked("TOTAL_ENV_STEPS=1000", "WIDTH=48").status() == "other settings"


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """A sweep of two toys, and the command for it."""
    for name, value in variables(1).items():
        monkeypatch.setenv(name, value)
    text = EXPERIMENT.replace("4_000", "400") + "sweep.grid = {'SEED': [0, 1]}\n"
    command = [str(write_experiment(tmp_path, text)), "--out", str(tmp_path / "runs")]
    with own_words():
        yield [*command, "--jobs", "2"]


def test_runs_are_done_skipped_and_told_of(toys, tmp_path, capsys):
    """In real processes, two at a time; then one of their folders holds something else."""
    assert sweep.main(toys) == 0
    shown = capsys.readouterr().out
    assert "2 runs, 0 finished already" in shown
    for seed in (0, 1):
        folder = tmp_path / "runs" / f"SEED={seed}"
        assert f"finished: {folder}" in shown
        assert json.loads((folder / "finished.json").read_text())["env_steps"] == 400
        assert f"Experiment.seed = {seed}" in (folder / "operative.gin").read_text()
        assert (
            "sweep.grid = {'SEED': [0, 1]}\n\n# --set SEED=" in (folder / "config.gin").read_text()
        )
        described = json.loads((folder / "experiment.json").read_text())
        assert (described["name"], described["macros"]["SEED"]) == ("toy", seed)
        assert (folder / "words" / "toy_words.py").is_file()
    assert epochs(tmp_path / "runs" / "SEED=0") != epochs(tmp_path / "runs" / "SEED=1")
    assert sweep.main([*toys, "--list"]) == 0
    assert "2 of 2 finished" in capsys.readouterr().out
    assert sweep.main(toys) == 0
    assert "2 runs, 2 finished already" in capsys.readouterr().out
    (tmp_path / "runs" / "SEED=1" / "operative.gin").write_text("Experiment.seed = 9\n")
    assert sweep.main(toys) == 2
    said = capsys.readouterr().err
    assert f"exit code 2: {tmp_path / 'runs' / 'SEED=1'}: " in said
