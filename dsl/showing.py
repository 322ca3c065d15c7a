"""Episodes of a trained policy: their scores, a picture and a film."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp

from components.environments.rendering.opengl import RenderError
from components.learner import LearnerState, Networks
from dsl.evaluation import evaluate
from dsl.pictures import draw, shoot
from dsl.policy import Policy


def show(policy: Policy, episodes: int, seed: int, out: Path, *, film: bool) -> Iterator[str]:
    """Score a policy on fresh episodes, then draw and film some of them.

    Args:
        policy: what acts.
        episodes: how many are scored.
        seed: of starts, goals and actions.
        out: folder of `rollout.png` and `rollout.gif`.
        film: whether to film.

    Yields:
        Lines on the scores and the files.
    """
    name = policy.learner
    learners = {name: policy.experiment.learners[name]}
    experiment = replace(
        policy.experiment, learner=learners, collector=name, eval_episodes=episodes
    )
    no_optimisers = Networks(None, None, None)
    state = LearnerState(policy.networks, no_optimisers, None, jnp.zeros((), jnp.int32))
    scores, rollout = eqx.filter_jit(evaluate)(
        experiment.program(), {name: state}, jax.random.key(seed)
    )
    for metric, value in scores.items():
        yield f"{metric:24} {float(value):.3f}"
    picture, movie = out / "rollout.png", out / "rollout.gif"
    draw(experiment.scored, rollout, picture)
    yield f"picture: {picture}"
    if film:
        try:
            shoot(experiment.scored, rollout, movie)
            yield f"film: {movie}"
        except RenderError as error:
            yield f"no film: {error}"
