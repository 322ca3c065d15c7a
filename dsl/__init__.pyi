from .language.configuration import load
from .language.registry import constants, family
from .training.build import build
from .training.policy import load_policy
from .training.python_run import run

__all__ = ["build", "constants", "family", "load", "load_policy", "run"]
