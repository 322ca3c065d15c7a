"""XLA's alarms are held back while it compiles, and nothing else is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxlib import utils

from dsl.training import quiet_compiler
from dsl.training.quiet_compiler import without_alarms


@pytest.fixture
def levels(monkeypatch):
    """The levels that XLA's log is set to."""
    levels = []
    monkeypatch.setattr(quiet_compiler.utils, "absl_set_min_log_level", levels.append)
    return levels


def test_only_fatal_errors_are_logged_while_programs_compile(levels):
    with without_alarms():
        assert levels == [3]
    assert levels == [3, 1]


def test_errors_are_logged_again_after_a_program_that_does_not_compile(levels):
    with pytest.raises(ValueError, match="no such operation"), without_alarms():
        raise ValueError("no such operation")
    assert levels == [3, 1]


@pytest.mark.parametrize("level", ["0", "2"])
def test_a_level_that_the_user_has_chosen_stays(levels, monkeypatch, level):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
    with without_alarms():
        pass
    assert levels == []


def test_the_level_of_jax_stays(levels):
    before = jax.config.values["jax_logging_level"]
    jax.config.update("jax_logging_level", "WARNING")
    levels.clear()
    try:
        with without_alarms():
            pass
        assert levels == []
    finally:
        jax.config.update("jax_logging_level", before)


def fold_slowly():
    """Compile a program with a constant that takes seconds to sort."""
    numbers = np.random.default_rng().random(12_000, np.float32)  # in no cache
    jax.jit(lambda: jnp.sort(jnp.asarray(numbers))).lower().compile()


@pytest.mark.slow
def test_xla_holds_its_alarms_back(capfd):
    utils.absl_set_min_log_level(1)
    with without_alarms():
        fold_slowly()
    assert capfd.readouterr().err == ""
    fold_slowly()
    assert "Constant folding an instruction is taking" in capfd.readouterr().err
