"""Runs `python -m dsl.track`; see `dsl.cli.track`."""

import sys

from dsl.cli.track import main

if __name__ == "__main__":
    sys.exit(main())
