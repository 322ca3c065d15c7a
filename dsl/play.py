"""Runs `python -m dsl.play`; see `dsl.cli.play`."""

import sys

from dsl.cli.play import main

if __name__ == "__main__":
    sys.exit(main())
