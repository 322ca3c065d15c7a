"""The console script `kilolayer` and the modules that do the same."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from dsl.cli.main import COMMANDS, main

ROOT = Path(__file__).resolve().parents[3]
MODULES = ("run", "sweep", "play", "track", "report")


def usage(capsys, function, *arguments):
    with pytest.raises(SystemExit) as ended:
        function([*arguments, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", MODULES)
def test_usage_shows_the_form_that_was_called(name, capsys):
    assert usage(capsys, main, name).startswith(f"usage: kilolayer {name} ")
    module = import_module(f"dsl.cli.{name}")
    assert usage(capsys, module.main).startswith(f"usage: python -m dsl.{name} ")


def test_help_lists_every_command(capsys):
    shown = usage(capsys, main)
    assert {command.name for command in COMMANDS} == {*MODULES, "check", "words"}
    assert all(command.summary in " ".join(shown.split()) for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_debug(command, capsys):
    assert "--debug" in usage(capsys, main, command.name)


def test_words_and_check_are_commands(capsys):
    assert main(["words", "energy"]) == 0
    assert "@energy.NegativeL2()" in capsys.readouterr().out
    assert main(["check", str(ROOT / "experiments" / "quickstart.gin")]) == 0
    assert "gradient updates" in capsys.readouterr().out


def test_errors_are_a_line_and_exit_code_two(tmp_path, capsys):
    assert main(["track", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err == f"{tmp_path}/nowhere: is not there.\n"
    assert main(["run"]) == 2
    assert "name a gin file" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["runn"])
    assert ended.value.code == 2


def test_commands_parse_without_importing_jax():
    code = "import sys, dsl.cli.main; sys.exit('jax' in sys.modules or 'gin' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_a_count_is_a_whole_number(capsys):
    with pytest.raises(SystemExit):
        main(["sweep", "quickstart.gin", "--jobs", "two"])
    assert "argument --jobs: 'two' is not a whole number" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["SIGUSR1", "SIGUSR2"])
def test_a_signal_that_comes_before_anything_is_there_to_save_asks_to_be_queued_again(number):
    code = (
        "import os, signal, time\n"
        "from dsl.cli.command import Command, run_command\n"
        f"send = lambda _: os.kill(os.getpid(), signal.{number}) or time.sleep(60)\n"
        "run_command(Command('run', 'Run.', lambda parser: None, send), [])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=60)
    assert done.returncode == 75
