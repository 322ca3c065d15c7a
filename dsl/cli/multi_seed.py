"""Trains several seeds in one program: `python -m dsl.cli.multi_seed FILE.gin --run FOLDER ...`.

`python -m dsl.sweep FILE.gin --together` starts it; only arguments are read here. Exit codes are
those of `dsl.run`; 3 once the seeds whose numbers stayed finite are finished.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dsl.cli.command import add_debug, exit_code


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for, and return the exit code."""
    options = _parser().parse_args(arguments)
    return exit_code(lambda: _train(options), debug=options.debug)


def _train(options: argparse.Namespace) -> int:
    # The heavy imports wait until the arguments have turned out to make sense.
    from dsl.training.compilation_cache import keep_compiled
    from dsl.training.cpu_devices import use_every_core

    keep_compiled(lambda line: print(line, file=sys.stderr))
    use_every_core()
    from dsl import vocabulary  # noqa: F401 - registers its words
    from dsl.language.configuration import load
    from dsl.training import multi_seed_job
    from dsl.training.run_job import training_code

    wanted = [(load(options.file, overrides), Path(out)) for out, *overrides in options.run]
    return training_code(lambda: multi_seed_job.run(wanted, options.file))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dsl.cli.multi_seed",
        description="Train several seeds in one compiled program.",
    )
    parser.add_argument("file", type=Path, metavar="FILE.gin", help="the experiment")
    parser.add_argument(
        "--run",
        nargs="+",
        action="append",
        required=True,
        metavar=("FOLDER", "NAME=VALUE"),
        help="folder and settings of a run; they differ in the seed alone",
    )
    add_debug(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
