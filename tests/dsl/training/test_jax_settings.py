"""Settings of JAX that a shell may hold: they work, or a line says what to unset."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

import dsl
from dsl.errors import UsageError
from dsl.training import jax_settings
from dsl.training.jax_settings import _refused_settings, require_usable_settings

ROOT = Path(__file__).resolve().parents[3]
REFUSED = {
    "jax_enable_x64": True,
    "jax_debug_nans": True,
    "jax_disable_jit": True,
    "jax_default_prng_impl": "rbg",
    "jax_threefry_partitionable": False,
    "jax_random_seed_offset": 7,
    "jax_debug_key_reuse": True,
    "jax_no_tracing": True,
    "jax_no_execution": True,
    "jax_array_garbage_collection_guard": "fatal",
    "jax_compilation_cache_check_contents": True,
    "jax_remat3": True,
    "jax_scan3": True,
    "jax_transfer_guard": "disallow",
    "jax_transfer_guard_host_to_device": "disallow_explicit",
    "jax_transfer_guard_device_to_host": "disallow",
    "jax_transfer_guard_device_to_device": "disallow",
    "jax_error_checking_behavior_nan": "raise",
    "jax_error_checking_behavior_divide": "raise",
    "jax_error_checking_behavior_oob": "raise",
}


def test_every_rule_is_about_a_setting_of_jax():
    names = [rule.name for rule in jax_settings._RULES]
    assert sorted(names) == sorted(REFUSED)
    if jax.__version__.startswith("0.10."):  # experiments of JAX come and go
        assert set(names) <= set(jax.config.values)


@pytest.mark.parametrize("name", REFUSED)
def test_one_line_says_what_to_unset(name, monkeypatch):
    monkeypatch.setenv(name.upper(), "1")
    (line,) = _refused_settings({**jax.config.values, name: REFUSED[name]})
    assert line.startswith(f"{name.upper()}=1 ")
    assert line.endswith(f"Unset {name.upper()}.")


def test_other_settings_are_left_to_the_user():
    harmless = {
        **{"jax_transfer_guard": "log", "jax_debug_infs": True, "jax_log_compiles": True},
        **{"jax_check_tracer_leaks": True, "jax_numpy_rank_promotion": "raise"},
        **{"jax_traceback_filtering": "off", "jax_disable_most_optimizations": True},
    }
    assert list(_refused_settings({**jax.config.values, **harmless})) == []


def test_python_is_told_of_settings_too():
    with jax.debug_nans(True), pytest.raises(UsageError, match="jax_debug_nans is True, which"):
        dsl.run(None)  # pyright: ignore[reportArgumentType]
    require_usable_settings()


def said(code, **variables):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    code = f"from dsl.training.jax_settings import *\n{code}"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stderr


def test_values_that_jax_does_not_know():
    text = said("require_usable_settings()", JAX_ENABLE_X64="perhaps")
    assert "JAX cannot start: invalid truth value 'perhaps'" in text
    assert "JAX_ENABLE_X64=perhaps" in text


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ("--xla_cpu_fast=1", "Unknown flag in XLA_FLAGS: --xla_cpu_fast=1"),
        ("--xla_cpu_enable_fast_math=7", "Couldn't interpret value 7 for flag "),
        ("xla_cpu_enable_fast_math", 'Could not open file "xla_cpu_enable_fast_math" to read'),
    ],
)
def test_flags_that_xla_cannot_read(flags, reason):
    with pytest.raises(UsageError) as caught:
        jax_settings._require_known_flags(flags)
    assert str(caught.value).startswith(f"XLA cannot read its flags: {reason}")
    assert str(caught.value).endswith(". Correct or unset XLA_FLAGS.")


@pytest.mark.parametrize("name", ["JAX_PLATFORMS", "JAX_PLATFORM_NAME"])
def test_a_device_that_is_not_there(name):
    text = said("require_device()", **{"JAX_PLATFORMS": "", name: "rocm"})
    assert "UsageError: JAX has no device to compute on: " in text
    assert f"{name}=rocm" in text


def test_words_need_no_device():
    environment = {**os.environ, "JAX_PLATFORMS": "cuda", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "dsl.run", "--words", "energy"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "@energy.NegativeL2()" in done.stdout
