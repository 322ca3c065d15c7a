"""Refuses settings of JAX under which no run could start, or be the one that is asked for.

They come from the shell (`export JAX_ENABLE_X64=1`), most often on behalf of another project.
"""

import functools
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

from dsl.errors import UsageError

_PROBE = "from jaxlib import xla_client; xla_client.make_cpu_client()"
_FLAG_ERROR = re.compile(
    r"^[EF]\d{4} .*(?:command_line_flags|parse_flags_from_env)\S*\] (.*)$", re.MULTILINE
)
_OTHER_NUMBERS = "gives other random numbers from the same seed"
_DEVICE_VARIABLES = (
    *("JAX_PLATFORM", "JAX_DEFAULT_DEVICE", "JAX_NUM_CPU_DEVICES"),
    *("JAX_CUDA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"),
)
_GUARD = "refuses the copies between host and device that every epoch makes"
_EXPERIMENTAL = "is an experiment of JAX that this program does not run under"


class _Rule(NamedTuple):
    """A setting of JAX, some of whose values are refused.

    Attributes:
        name: of the setting; its variable has the same name in capitals.
        refused: a regular expression for the text of such values.
        reason: what these values do.
    """

    name: str
    refused: str
    reason: str


_RULES = (
    _Rule("jax_enable_x64", "True", "computes with 64 bits; records and checkpoints have 32"),
    _Rule(
        "jax_debug_nans",
        "True",
        "stops healthy runs, in which NaN means that a metric has no value yet; a run that stops "
        "being finite names the number by itself",
    ),
    _Rule("jax_disable_jit", "True", "runs every operation by itself, which takes days"),
    _Rule("jax_default_prng_impl", "(?!threefry2x32$).*", _OTHER_NUMBERS),
    _Rule("jax_threefry_partitionable", "False", _OTHER_NUMBERS),
    _Rule("jax_random_seed_offset", "(?!0$).*", f"{_OTHER_NUMBERS}; set Experiment.seed instead"),
    _Rule("jax_debug_key_reuse", "True", "refuses keys that several parts derive their own from"),
    _Rule("jax_no_tracing", "True", "forbids to compile anything"),
    _Rule("jax_no_execution", "True", "forbids to compute anything"),
    _Rule("jax_array_garbage_collection_guard", "fatal", "ends healthy runs"),
    _Rule(
        "jax_compilation_cache_check_contents",
        "True",
        "refuses kept programs that XLA would not compile to the same bytes again",
    ),
    _Rule("jax_remat3", "True", _EXPERIMENTAL),
    _Rule("jax_scan3", "True", _EXPERIMENTAL),
    *(
        _Rule(f"jax_transfer_guard{direction}", "disallow.*", _GUARD)
        for direction in ("", "_host_to_device", "_device_to_host", "_device_to_device")
    ),
    *(
        _Rule(f"jax_error_checking_behavior_{kind}", "raise", "stops healthy runs")
        for kind in ("nan", "divide", "oob")
    ),
)


def require_usable_settings() -> None:
    """Import JAX, and refuse settings under which no run can be what it says.

    Raises:
        UsageError: names all such settings, with the reason.
    """
    try:
        config = importlib.import_module("jax").config
    except ValueError as error:
        asked = _set_variables("JAX_")
        raise UsageError(f"JAX cannot start: {error}. Correct or unset {asked}.") from error
    problems = [*_refused_settings(config.values)]
    if problems:
        raise UsageError("\n".join(problems))
    _require_known_flags(os.environ.get("XLA_FLAGS", ""))


def require_device() -> None:
    """Start JAX, and refuse settings that leave it without a device.

    Raises:
        UsageError: names the settings that choose the device.
    """
    import jax

    try:
        jax.numpy.zeros(()).block_until_ready()
    # JAX raises bare assertions too.
    except Exception as error:
        asked = _set_variables(*_DEVICE_VARIABLES)
        said = (" ".join(str(error).split()) or "none of this kind was found").rstrip(".")
        advice = f"Correct or unset {asked}." if asked else "See JAX's installation guide."
        raise UsageError(f"JAX has no device to compute on: {said}. {advice}") from error


def use_cpu_alone() -> None:
    """Let this process, which only reads and writes text, leave accelerators to others."""
    import jax

    jax.config.update("jax_platforms", "cpu")


def _refused_settings(values: dict[str, object]) -> Iterator[str]:
    for name, refused, reason in _RULES:
        value = values.get(name)
        text = str(getattr(value, "value", value))
        if value is None or not re.fullmatch(refused, text):
            continue
        variable = name.upper()
        if variable in os.environ:
            yield f"{variable}={os.environ[variable]} {reason}. Unset {variable}."
        else:
            yield f"JAX's setting {name} is {text}, which {reason}. Leave it at its default."


def _set_variables(*prefixes: str) -> str:
    found = [f"{name}={value}" for name, value in os.environ.items() if name.startswith(prefixes)]
    return " ".join(sorted(found))


@functools.cache
def _require_known_flags(flags: str) -> None:
    """Refuse flags that XLA would end the process for, which only another process can find out."""
    if not flags.strip():
        return
    environment = {**os.environ, "XLA_FLAGS": flags}
    probe = subprocess.run(
        [sys.executable, "-c", _PROBE], env=environment, capture_output=True, text=True, check=False
    )
    if said := re.search(_FLAG_ERROR, probe.stderr):
        reason = said[1].rstrip(".")
        raise UsageError(f"XLA cannot read its flags: {reason}. Correct or unset XLA_FLAGS.")
