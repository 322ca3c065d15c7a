"""Whatever is given to the command line: a short error and exit code 2, or an experiment."""

import os
from pathlib import Path

import jax
import pytest
from fuzzing import EXPERIMENTS, assignments, check, edited, plausible
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsl.cli.run import main
from dsl.errors import UsageError
from dsl.language.configuration import load
from dsl.training.build import build
from dsl.training.memory_check import device_memory, explain_out_of_memory

QUICKSTART = str(EXPERIMENTS / "quickstart.gin")
QUICK = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
LONG = settings(QUICK, max_examples=3_000, derandomize=False)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def try_file(content):
    Path("x.gin").write_bytes(content)
    check("x.gin")
    # The strategies try to make this file; nothing but an import may run anything.
    assert not Path("ran").exists()


def try_assignments(lines):
    try_file(f"include '{QUICKSTART}'\n{''.join(lines)}".encode())


@QUICK
@given(edited())
def test_edited_experiments(content):
    try_file(content)


@QUICK
@given(assignments())
def test_settings_of_everything(line):
    try_assignments([line])


@pytest.mark.slow
@LONG
@given(edited())
def test_many_edited_experiments(content):
    try_file(content)


@pytest.mark.slow
@LONG
@given(st.lists(assignments(), min_size=1, max_size=3))
def test_many_settings_of_everything(lines):
    try_assignments(lines)


@pytest.mark.slow
@settings(LONG, max_examples=300)
@given(plausible())
def test_many_values_of_the_right_kind(arguments):
    check(*arguments)


def refused(*arguments):
    outcome = check(*arguments)
    assert outcome.status == 2
    return outcome.errors


CONTENTS = {
    "utf-16": ("WIDTH = 3\n".encode("utf-16"), "it is not text in UTF-8; save it as UTF-8."),
    "latin-1": ("# caf\xe9\n".encode("latin-1"), "it is not text in UTF-8; save it as UTF-8."),
    "null characters": (b"WIDTH = 3\n\0\n", "it has null characters."),
    "deep parentheses": (b"WIDTH = " + b"(" * 5_000, "Brackets are nested too deeply."),
    "includes itself": (b"include 'x.gin'", "the includes go in a circle: x.gin -> x.gin."),
    "includes a folder": (b"include '..'", "it is a folder."),
    "includes a device": (b"include '/dev/zero'", "it is not a regular file."),
    "includes a pipe": (b"include 'pipe'", "it is not a regular file."),
    "digits of other scripts": ("WIDTH = \u0663\n".encode(), "U+0663 (arabic-indic digit three)"),
}


@pytest.mark.parametrize(("content", "message"), CONTENTS.values(), ids=CONTENTS.keys())
def test_what_is_no_gin_file(content, message):
    os.mkfifo("pipe")
    Path("x.gin").write_bytes(content)
    assert message in refused("x.gin")


@pytest.mark.parametrize("path", ["..", "/dev/zero", "pipe", "a\nb", "l" * 5_000, "dangling"])
def test_what_is_no_file(path):
    os.mkfifo("pipe")
    os.symlink("nowhere", "dangling")
    errors = refused(path)
    assert "cannot read it" in errors
    assert "Did you mean" not in errors


def test_a_huge_file_is_refused_by_its_size():
    with open("x.gin", "wb") as file:
        file.truncate(100_000_000)
    assert refused("x.gin") == (
        "x.gin: cannot read it: it has 100,000,000 bytes; a gin file has 100,000 at most.\n"
    )


CODE = (
    "Experiment.collector = __import__('os').system('touch ran')",
    "Experiment.collector = \"__import__('os').system('touch ran')\"",
    "Experiment.collector = f\"{open('ran', 'w')}\"",
    "Experiment.collector = (lambda: open('ran', 'w'))()",
    "Experiment.collector = @os.system('touch ran')",
    "Experiment.collector = @builtins.open()\nbuiltins.open.file = 'ran'\nbuiltins.open.mode = 'w'",
    "os.system.command = 'touch ran'",
    "from __gin__ import dynamic_registration\nExperiment.collector = @os.system()",
    "include 'code.py'",
)


@pytest.mark.parametrize("line", CODE)
def test_nothing_but_an_import_runs_code(line):
    Path("code.py").write_text("open('ran', 'w')\n")
    Path("x.gin").write_text(f"include '{QUICKSTART}'\n{line}\n")
    refused("x.gin")
    if "\n" not in line:
        refused(QUICKSTART, "--set", line)
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("SEED=4294967296", "SEED is 4_294_967_296; it must be 4_294_967_295 at most."),
        ("WIDTH=1000000000000", "it must be 2_147_483_647 at most."),
        ("WIDTH=\udcff", "it is not text in UTF-8."),
        ("TOTAL_ENV_STEPS=9000000000000000000", "Raise num_envs."),
        ("Experiment.updates_per_iteration=1000000000", "Raise evaluations."),
        ("Experiment.prefill_steps=2000000000", "Nearest: 1_073_741_823."),
        ("Experiment.learner={None: @learner.ActorCritic()}", "is called None; use letters"),
        (
            f"Experiment.learner={{'{'long' * 20}': @learner.ActorCritic()}}",
            "is called longlonglonglonglong..., with 80 letters; use at most 64.",
        ),
        ("energy.NegativeL2.epsilon=10000000000", "Write 10000000000.0."),
    ],
)
def test_numbers_and_names_that_cannot_be(setting, message):
    assert message in refused(QUICKSTART, "--set", setting)


HUGE = ("NUM_ENVS=1000000000", "WIDTH=1000000000", "BATCH_SIZE=1000000000", "SEED=4294967295")


def test_huge_sizes_are_checked_without_memory_and_refused_by_a_run(capsys):
    outcome = check(QUICKSTART, "--set", *HUGE)
    assert "EiB" in outcome.output
    assert main([QUICKSTART, "--set", *HUGE, "--out", "run"]) == 2
    errors = capsys.readouterr().err
    assert "EiB of memory, and this device has " in errors
    assert "Most of it: " in errors
    assert "--force tries it anyway." in errors
    assert not Path("run").exists()
    assert (device_memory() or 0) > 2**28


def test_a_device_that_runs_out_of_memory_is_told_in_words():
    experiment = build(load(QUICKSTART))
    full = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.")
    said = r"no memory left.* Most of it: "
    with pytest.raises(UsageError, match=said), explain_out_of_memory(experiment):
        raise full
    other = jax.errors.JaxRuntimeError("INTERNAL: something else")
    with pytest.raises(jax.errors.JaxRuntimeError), explain_out_of_memory(experiment):
        raise other


def test_an_empty_name_of_a_folder_is_no_folder(capsys):
    with pytest.raises(SystemExit) as ended:
        main([QUICKSTART, "--out", ""])
    assert ended.value.code == 2
    assert "argument --out: the name is empty" in capsys.readouterr().err
    assert os.listdir() == []
