"""Use what was trained: `python -m dsl.play RUN_OR_CHECKPOINT`.

Rolls out the policy on the task that it was scored on, prints its scores, and writes a picture and
a film.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dsl.cli.command import add_debug, exit_code, folder, positive
from dsl.errors import UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for, and return the exit code."""
    options = _parser().parse_args(arguments)
    return exit_code(lambda: _play(options), debug=options.debug)


def _play(options: argparse.Namespace) -> int:
    # The heavy imports wait until the arguments have turned out to make sense.
    from dsl.training.compilation_cache import keep_compiled

    keep_compiled(lambda line: print(line, file=sys.stderr))
    from dsl.training.policy import load_policy
    from dsl.training.policy_pictures import show

    policy = load_policy(options.place, options.learner)
    out = options.out or policy.checkpoint.parent.parent / "play"
    print(f"policy: {policy.checkpoint}, learner {policy.learner}")
    film = not options.no_film
    show(policy, options.episodes, options.seed, _made(out), film=film, say=print)
    return 0


def _made(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written ({error.strerror}). Choose another place with --out."
        ) from error
    return path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dsl.play", description="Roll out a trained policy."
    )
    parser.add_argument("place", type=Path, metavar="RUN_OR_CHECKPOINT")
    parser.add_argument("--learner", help="which, where the run has several")
    parser.add_argument("--episodes", type=positive, default=128, help="to score (128)")
    parser.add_argument("--seed", type=int, default=0, help="of starts, goals and actions (0)")
    parser.add_argument(
        "--out", type=folder, metavar="DIR", help="folder of the pictures: RUN/play"
    )
    parser.add_argument("--no-film", action="store_true", help="draw the chart only")
    add_debug(parser)
    return parser
