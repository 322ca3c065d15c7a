"""Runs `python -m dsl.sweep`; see `dsl.cli.sweep`."""

import sys

from dsl.cli.sweep import main

if __name__ == "__main__":
    sys.exit(main())
