"""Shows a trained policy: scores of its episodes, a picture and a film."""

from collections.abc import Callable
from pathlib import Path

from dsl.errors import UsageError
from dsl.records.durable_files import advise_on_write, describe_refused_write
from dsl.training.pictures import pictures
from dsl.training.policy import Policy, play


def show(
    policy: Policy, episodes: int, seed: int, out: Path, *, film: bool, say: Callable[[str], None]
) -> None:
    """Score a policy on fresh episodes, then draw and film some of them.

    Args:
        policy: what acts.
        episodes: number of episodes to score.
        seed: of starts, goals and actions.
        out: folder of the pictures.
        film: whether to film.
        say: receives lines on the scores and the files.

    Raises:
        UsageError: the folder cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refused = describe_refused_write(out, error)
        raise UsageError(f"{refused} {advise_on_write(error)}") from error
    scores, rollout = play(policy, episodes, seed)
    for metric, value in scores.items():
        say(f"{metric:24} {float(value):.3f}")
    task = policy.experiment.eval_env
    for kind, path in pictures(task, rollout, out, "these episodes", filmed=film, say=say):
        say(f"{kind}: {path}")
