"""Keeps the alarms of XLA's compiler from the terminal."""

import contextlib
import os
from collections.abc import Iterator

import jax
from jaxlib import utils  # pyright: ignore[reportAttributeAccessIssue] (compiled, without a stub)

_FATAL = 3
_SET_BY_JAX = 1  # if nothing is chosen; hides what XLA logs as information


@contextlib.contextmanager
def without_alarms() -> Iterator[None]:
    """Hold back what XLA logs below the level FATAL, in the `with` block.

    XLA logs, as errors, that a program is slow to compile and that constants are slow to fold. What
    keeps a program from compiling is raised as an exception, or logged as FATAL before the process
    ends, so both are seen. Nothing is held back if the user has chosen what is logged, by
    `TF_CPP_MIN_LOG_LEVEL` or `JAX_LOGGING_LEVEL`.
    """
    if _has_chosen_level():
        yield
        return
    utils.absl_set_min_log_level(_FATAL)
    try:
        yield
    finally:
        utils.absl_set_min_log_level(_SET_BY_JAX)


def _has_chosen_level() -> bool:
    chosen = os.environ.get("TF_CPP_MIN_LOG_LEVEL", str(_SET_BY_JAX)) != str(_SET_BY_JAX)
    return chosen or jax.config.values["jax_logging_level"] != "NOTSET"
