"""Roll out a trained policy: `kilolayer play RUN_OR_CHECKPOINT`, or `python -m dsl.play ...`.

Runs the policy on the task that it was evaluated on, prints its scores, and writes a picture and a
film.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from dsl.cli.command import (
    Command,
    add_trust,
    configure_jax,
    folder_path,
    positive_int,
    run_command,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Execute `python -m dsl.play ...` and return the exit code."""
    return run_command(COMMAND, arguments)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("place", type=Path, metavar="RUN_OR_CHECKPOINT")
    parser.add_argument("--learner", help="name of the learner, if the run has several")
    parser.add_argument("--episodes", type=positive_int, default=128, help="to score (128)")
    parser.add_argument("--seed", type=int, default=0, help="of starts, goals and actions (0)")
    parser.add_argument(
        "--out", type=folder_path, metavar="DIR", help="folder of the pictures: RUN/play"
    )
    add_trust(parser)
    parser.add_argument("--no-film", action="store_true", help="draw the chart only")


def _execute(options: argparse.Namespace) -> int:
    configure_jax(every_core=False)
    # The heavy imports wait until the arguments have been parsed.
    from dsl.training.policy import load_policy
    from dsl.training.policy_pictures import show

    policy = load_policy(options.place, options.learner, trust=options.trust)
    out = options.out or policy.checkpoint.parent.parent / "play"
    print(f"policy: {policy.checkpoint}, learner {policy.learner_name}")
    film = not options.no_film
    show(policy, options.episodes, options.seed, out, film=film, say=print)
    return 0


COMMAND = Command(
    "play", "Roll out a trained policy, score it and film it.", _add_arguments, _execute
)
