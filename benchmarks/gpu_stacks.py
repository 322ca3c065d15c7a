"""Rows of `fused_stack.py` as measurements of `gpu_suite.py`: errors, and times by tile."""

from fused_stack import measure_row
from gpu_common import Measurement, Row


def stack_numbers(row: Row) -> Measurement:
    """Measure a row of `fused_stack.py`, which compiles its programs itself."""
    yield []
    settings = {name: value for name, value in row.items() if name not in ("stage", "kind")}
    found = measure_row(row["kind"], settings)
    if "error" in found:
        raise RuntimeError(found["error"])
    return found
