"""The root of a gin file: what an experiment consists of, and which settings exclude each other."""

from dsl.experiment.experiment import Experiment

__all__ = ["Experiment"]
