"""From a judged configuration to an experiment whose settings agree with each other."""

import equinox as eqx
import jax
import jax.numpy as jnp

from components.constraints import SettingError
from dsl.experiment import Experiment
from dsl.language.configuration import ConfigError, Configuration
from dsl.loop import training_loop


def build(configuration: Configuration) -> Experiment:
    """Build the root and check what no single line can tell.

    Raises:
        ConfigError: with every problem found.
    """
    experiment = configuration.build()
    problems = [configuration.problem(error) for error in experiment.problems()]
    if not problems:
        with configuration.locating():
            refusal = _refusal(experiment)
        problems = [configuration.problem(refusal, "learner.ActorCritic")] if refusal else []
    if problems:
        raise ConfigError(problems)
    return experiment


def _refusal(experiment: Experiment) -> SettingError | None:
    """What the words of a learner have against each other; a trial in which nothing is computed."""
    program = experiment.program()
    state = eqx.filter_eval_shape(training_loop.init, program, jax.ShapeDtypeStruct((), jnp.uint32))
    try:
        eqx.filter_eval_shape(training_loop.no_metrics, program, state)
    except SettingError as error:
        return error
    # Whatever a word misses in another: a loss for pairs its critic's pairs, an actor its critic.
    except (AttributeError, TypeError) as error:
        return SettingError("critic", f"does not fit the learner's losses: {error}.")
    return None
