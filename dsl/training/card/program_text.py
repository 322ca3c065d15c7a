"""Reads instructions and their arrays in the text of a compiled program."""

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

_INSTRUCTION = re.compile(
    r"^ +(?:ROOT )?%?([\w.\-]+) = (\S.*?) [a-z][\w\-]*\(([^)]*)\)(.*)", re.MULTILINE
)
_PATH = re.compile(r'op_name="([^"]*)"')
_NAME = re.compile(r"[\w.\-]+")
_ARRAY = re.compile(r"(pred|[suf]\d+|bf16|c64)\[([\d,]*)\]")
_BYTES = {"pred": 1, "bf16": 2, "c64": 8}


class Instruction(NamedTuple):
    """One line of a compiled program.

    Attributes:
        types: arrays that it yields, as text.
        operands: names of the instructions that it reads.
        path: scopes and operation that it comes from, or "".
    """

    types: str
    operands: tuple[str, ...]
    path: str


def read_instructions(program: str) -> dict[str, Instruction]:
    """Return the instructions of a program by name."""
    return {
        name: Instruction(
            types, tuple(_NAME.findall(operands)), path[1] if (path := _PATH.search(rest)) else ""
        )
        for name, types, operands, rest in _INSTRUCTION.findall(program)
    }


def arrays_in(types: str) -> tuple[str, ...]:
    """Return the arrays that a text names, such as `f32[512,64]`."""
    return tuple(f"{kind}[{shape}]" for kind, shape in _ARRAY.findall(types))


def array_bytes(arrays: Iterable[str]) -> int:
    """Return the bytes of some arrays."""
    return sum(
        (_BYTES.get(kind) or int(kind[1:]) // 8) * math.prod(int(n) for n in shape.split(",") if n)
        for array in arrays
        for kind, shape in _ARRAY.findall(array)
    )
