"""Describes the GPUs that programs can be compiled for without having one."""

import re
from typing import NamedTuple

from dsl.errors import UsageError

_H100 = """
gpu_device_info {
  threads_per_block_limit: 1024  threads_per_warp: 32
  shared_memory_per_block: 49152  shared_memory_per_core: 233472
  shared_memory_per_block_optin: 232448
  threads_per_core_limit: 2048  core_count: 132  fpus_per_core: 128
  block_dim_limit_x: 2147483647  block_dim_limit_y: 65535  block_dim_limit_z: 65535
  memory_bandwidth: 3352320000000  l2_cache_size: 52428800  clock_rate_ghz: 1.98
  device_memory_size: 84978434048
  cuda_compute_capability { major: 9 }
  registers_per_core_limit: 65536  registers_per_block_limit: 65536
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 1 }
device_description_str: "NVIDIA H100 80GB HBM3"
"""
_A100 = """
gpu_device_info {
  threads_per_block_limit: 1024  threads_per_warp: 32
  shared_memory_per_block: 49152  shared_memory_per_core: 167936
  shared_memory_per_block_optin: 166912
  threads_per_core_limit: 2048  core_count: 108  fpus_per_core: 64
  block_dim_limit_x: 2147483647  block_dim_limit_y: 65535  block_dim_limit_z: 65535
  memory_bandwidth: 2039000000000  l2_cache_size: 41943040  clock_rate_ghz: 1.41
  device_memory_size: 84987740160
  cuda_compute_capability { major: 8 }
  registers_per_core_limit: 65536  registers_per_block_limit: 65536
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 1 }
device_description_str: "NVIDIA A100-SXM4-80GB"
"""


class Card(NamedTuple):
    """A kind of GPU.

    Attributes:
        name: what users call it.
        title: what its maker calls it.
        target: its description for XLA.
        memory: bytes.
        bandwidth: bytes per second between memory and chip, at most.
        rates: floating-point operations per second of matrix products, at most, by precision.
    """

    name: str
    title: str
    target: str
    memory: int
    bandwidth: float
    rates: dict[str, float]


def _rates(float32: float, tf32: float, bfloat16: float) -> dict[str, float]:
    """Return the rates in operations per second from those in TFLOP/s."""
    rates = {"float32": float32, "tf32": tf32, "tf32x3": tf32 / 3, "bfloat16": bfloat16}
    return {precision: rate * 1e12 for precision, rate in rates.items()}


# Rates and bandwidths from the data sheets, of dense products.
CARDS = {
    "h100": Card(
        "h100", "NVIDIA H100 80GB HBM3", _H100, 84_978_434_048, 3.352e12, _rates(67, 495, 990)
    ),
    "a100": Card(
        "a100", "NVIDIA A100-SXM4-80GB", _A100, 84_987_740_160, 2.039e12, _rates(19.5, 156, 312)
    ),
}


def parse_cards(text: str) -> tuple[int, Card]:
    """Return how many cards of which kind `h100`, or `8xh100`, stands for.

    Raises:
        UsageError: it stands for none.
    """
    found = re.fullmatch(r"(?:([1-9]\d?)x)?(\w+)", text.lower())
    if found is None or found[2] not in CARDS:
        raise UsageError(
            f"there is no description of the card {text!r}; say {' or '.join(CARDS)}, or several "
            f"of them as 8x{next(iter(CARDS))}."
        )
    return int(found[1] or 1), CARDS[found[2]]
