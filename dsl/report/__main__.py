"""Runs `python -m dsl.report`; see `dsl.cli.report`."""

import sys

from dsl.cli.report import main

if __name__ == "__main__":
    sys.exit(main())
