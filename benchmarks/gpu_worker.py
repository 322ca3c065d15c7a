"""Measures rows of `gpu_suite.py` in one process: `gpu_worker.py ROWS SECONDS`.

Compiles the programs of all rows side by side, says "ready", and waits for a line on its standard
input; then measures one row after the other, a line of JSON each. Within the given seconds.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import jax
from gpu_common import Compiled, Measurement, Result, Row, compile_program
from gpu_correctness import physics_error, update_error
from gpu_iterations import environment_rate, iteration_rate
from gpu_stacks import stack_numbers
from gpu_updates import card_rates, update_rate

MEASUREMENTS: dict[str, Callable[[Row], Measurement]] = {
    "card": card_rates,
    "update_error": update_error,
    "physics_error": physics_error,
    "updates": update_rate,
    "stacks": stack_numbers,
    "iterations": iteration_rate,
    "environments": environment_rate,
}
COMPILING_AT_ONCE = 8
# Of the time there is: what is not compiled by then is not measured.
COMPILING_SHARE = 0.6


def main() -> None:
    """Measure, and print a line for each row."""
    rows, deadline = json.loads(sys.argv[1]), time.monotonic() + float(sys.argv[2])
    from dsl.training.compilation_cache import enable_compilation_cache

    enable_compilation_cache(lambda line: print(line, file=sys.stderr))
    software = {"device": jax.devices()[0].device_kind, "jax": jax.__version__}
    pool = ThreadPoolExecutor(COMPILING_AT_ONCE)
    begun = [_begin(row, pool) for row in rows]
    under_way = [program for _, _, programs in begun for program in programs]
    wait(under_way, timeout=(deadline - time.monotonic()) * COMPILING_SHARE)
    print("ready", flush=True)
    sys.stdin.readline()
    for row, measurement, programs in begun:
        print(json.dumps({"row": row, **_end(measurement, programs), **software}), flush=True)
    os._exit(0)  # what is still being compiled is of no use


def _begin(
    row: Row, pool: ThreadPoolExecutor
) -> tuple[Row, Measurement | str, list[Future[Compiled]]]:
    """Start a measurement and the compilation of its programs, or return what went wrong."""
    measurement = MEASUREMENTS[row["stage"]](row)
    try:
        lowered = next(measurement)
    except Exception as error:
        return row, _said(error), []
    return row, measurement, [pool.submit(compile_program, program) for program in lowered]


def _end(measurement: Measurement | str, programs: list[Future[Compiled]]) -> dict[str, Result]:
    """Return the result of a measurement, or what went wrong."""
    if isinstance(measurement, str):
        return {"error": measurement}
    begun = time.monotonic()
    try:
        measurement.send([program.result(timeout=0) for program in programs])
    except StopIteration as done:
        return {"result": done.value, "seconds": time.monotonic() - begun}
    except Exception as error:
        return {"error": _said(error)}
    raise AssertionError("a measurement asks for programs once")


def _said(error: Exception) -> str:
    """Return the error's first line; print all of it to stderr."""
    traceback.print_exception(error)
    return f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"


if __name__ == "__main__":
    main()
