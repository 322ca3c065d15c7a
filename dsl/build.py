"""From a judged configuration to an experiment whose settings agree with each other."""

from dsl.config import ConfigError, Configuration
from dsl.experiment import Experiment


def build(configuration: Configuration) -> Experiment:
    """Build the root and check what no single line can tell.

    Raises:
        ConfigError: with every problem found.
    """
    experiment = configuration.build()
    problems = [configuration.problem(error) for error in experiment.problems()]
    if problems:
        raise ConfigError(problems)
    return experiment
