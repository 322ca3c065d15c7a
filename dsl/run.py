"""Runs `python -m dsl.run`; see `dsl.cli.run`."""

import sys

from dsl.cli.run import main

if __name__ == "__main__":
    sys.exit(main())
