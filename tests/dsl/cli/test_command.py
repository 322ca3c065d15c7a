"""What all commands have in common."""

import os
import subprocess
import sys

TALKATIVE = """
import sys
from dsl.cli.command import exit_code
sys.exit(exit_code(lambda: print("word " * 100_000) or 0))
"""


def test_a_reader_that_has_read_enough_is_no_error():
    """As in `python -m dsl.run FILE.gin --check | head`."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", TALKATIVE]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")
