"""How many parameters the networks of a run have."""

from collections.abc import Callable

import equinox as eqx
import jax

from components.learners.inspection import named_networks
from dsl.errors import UsageError
from dsl.language.configuration import load
from dsl.records.run_folder import OPERATIVE
from dsl.report.data.comparison import Comparison, ScoredRun
from dsl.report.data.scores import Score
from dsl.training.build import build
from dsl.training.memory import count_elements


def parameter_counter(
    comparison: Comparison, say: Callable[[str], None], *, trust: bool
) -> Callable[[Score], int | None]:
    """Return a function that counts the parameters of a group, from one of its runs.

    The function returns None for a run whose gin file cannot be built here, and says why.
    """
    first = {(group.task, group.values): group.scored_runs[0] for group in comparison.groups}

    def of(score: Score) -> int | None:
        try:
            return count_parameters(first[score.task, score.values], trust=trust)
        except UsageError as error:
            say(str(error))
            return None

    return of


def count_parameters(scored_run: ScoredRun, *, trust: bool) -> int:
    """Return the number of parameters of a run's networks, from shapes; allocate nothing.

    Raises:
        UsageError: the run's gin file cannot be built here.
    """
    experiment = build(load(scored_run.run.folder / OPERATIVE, trust=trust))
    learner = experiment.learners[scored_run.learner or next(iter(experiment.learners))]
    state = eqx.filter_eval_shape(learner.init, experiment.environment.dims, jax.random.key(0))
    return count_elements(named_networks(state.networks))
