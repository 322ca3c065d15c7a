"""Output that nobody reads: it ends no work, and a command that only prints says so."""

import os
import subprocess
import sys

import pytest

# A command that prints, works on, and tells by its exit code how the work went.
WORKS = """
import os, sys
from dsl.cli.command import Command, run_command
from dsl.cli.output import print_text

def work(options):
    for stream in (sys.stdout, sys.stderr):
        for _ in range(1_000):
            print("word " * 20, file=stream)
    with open(sys.argv[1], "w") as record:
        assert record.fileno() > 2
        record.write("done")
    return 3

def tell(options):
    print_text("word " * 100_000)

command = Command("x", "", lambda parser: parser.add_argument("--tell", action="store_true"),
                  lambda options: tell(options) if options.tell else work(options))
sys.exit(run_command(command, sys.argv[2:]))
"""
REFUSALS = [">/dev/full", "2>/dev/full", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full 2>&1"]


def start(record, *arguments, shell='exec "$@"', **streams):
    command = ["sh", "-c", shell, "sh", sys.executable, "-c", WORKS, str(record), *arguments]
    return subprocess.run(command, check=False, text=True, **streams)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_refused_output_does_not_end_work(tmp_path, refusal):
    done = start(tmp_path / "record", shell=f'exec "$@" {refusal}', capture_output=True)
    assert done.returncode == 3
    assert (tmp_path / "record").read_text() == "done"
    assert "Error" not in done.stdout + done.stderr


@pytest.fixture
def left():
    """A pipe whose reader has left."""
    read, write = os.pipe()
    os.close(read)
    yield write
    os.close(write)


def test_a_reader_that_leaves_does_not_end_work(tmp_path, left):
    assert start(tmp_path / "record", stdout=left, stderr=left).returncode == 3
    assert (tmp_path / "record").read_text() == "done"


@pytest.mark.parametrize("argument", ["--tell", "--help"])
@pytest.mark.parametrize(
    ("refusal", "reason"),
    [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")],
)
def test_a_command_that_only_prints_says_that_nobody_takes_it(tmp_path, argument, refusal, reason):
    done = start(tmp_path, argument, shell=f'exec "$@" {refusal}', stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert done.stderr == f"the output cannot be written ({reason}).\n"


@pytest.mark.parametrize("argument", ["--tell", "--help"])
def test_a_reader_that_has_read_enough_is_no_error(tmp_path, left, argument):
    """As in `python -m dsl.run FILE.gin --check | head`."""
    done = start(tmp_path, argument, stdout=left, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (141, "")


def test_what_a_stream_cannot_encode_is_escaped(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    code = WORKS.replace('"word " * 100_000', '"pi \\u03c0"')
    command = [sys.executable, "-c", code, str(tmp_path), "--tell"]
    done = subprocess.run(command, check=True, text=True, capture_output=True)
    assert done.stdout == "pi \\u03c0\n"
