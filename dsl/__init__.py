"""Build, run and read experiments.

    import dsl

    configuration = dsl.load("experiments/quickstart.gin", ["WIDTH=64"])
    folder = dsl.run(configuration, "runs/mine")
    policy = dsl.load_policy(folder)

`dsl.run` is this function. The file `dsl/run.py` is the command `python -m dsl.run`; nothing
imports it as a module, which would put it in the function's place. Names are imported when they
are first used, so that commands start without loading JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsl.language.configuration import load
    from dsl.language.registry import constants, family
    from dsl.training.build import build
    from dsl.training.policy import load_policy
    from dsl.training.python_run import run

__all__ = ["build", "constants", "family", "load", "load_policy", "run"]

_MODULES = {
    "build": "dsl.training.build",
    "constants": "dsl.language.registry",
    "family": "dsl.language.registry",
    "load": "dsl.language.configuration",
    "load_policy": "dsl.training.policy",
    "run": "dsl.training.python_run",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
