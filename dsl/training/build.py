"""Builds a configuration into an experiment whose settings agree with each other."""

import inspect

from components.constraints import SettingError
from dsl.experiment import Experiment
from dsl.language.configuration import ConfigError, Configuration
from dsl.loop.training_loop import abstract_train_state
from dsl.training.metric_checks import evaluation_metric_problems, learner_metric_problems
from dsl.training.own_word_errors import pointing_to_own_words


def build(configuration: Configuration) -> Experiment:
    """Build the experiment and check what no single line can tell.

    One update of the learners is traced, without computing anything: words that do not fit each
    other raise a `SettingError`, which is shown with the line of its setting. Every other error is
    a bug, in a word of the user's perhaps, and keeps its traceback from the user's line on.

    Raises:
        ConfigError: with every problem found.
    """
    experiment = configuration.build()
    problems = [configuration.describe_error(error) for error in experiment.problems()]
    if not problems:
        problems = _trace_problems(configuration, experiment)
    if problems:
        raise ConfigError(problems)
    return experiment


def _trace_problems(configuration: Configuration, experiment: Experiment) -> list[str]:
    try:
        state = abstract_train_state(experiment.program())
        found = [
            *learner_metric_problems(state.metric_sums),
            *evaluation_metric_problems(experiment),
        ]
    except SettingError as error:
        # A partial that refuses a setting, when it is completed, names its word itself.
        return [configuration.describe_error(error, _learner_word(experiment, error.setting))]
    except Exception as error:
        raise pointing_to_own_words(error, configuration) from error.__cause__
    return [configuration.describe_error(error) for error in found]


def _learner_word(experiment: Experiment, setting: str) -> str | None:
    """Return the word of the first learner that has this setting."""
    classes = [type(learner) for learner in experiment.learners.values()]
    names = [c.__name__ for c in classes if setting in inspect.signature(c).parameters]
    return f"learner.{names[0]}" if names else None
