"""Lists what the cards of a compiled program send each other."""

import collections
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from dsl.training.card.program_text import Instruction, array_bytes, arrays_in, read_instructions

_COLLECTIVE = re.compile(
    r"= (\S.*?) (all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute"
    r"|collective-broadcast|ragged-all-to-all)(-start)?\(([^)]*)\)"
)
_COMPUTATION = re.compile(r"(ENTRY )?%?([\w.\-]+) \(.*\{$")
_CALLED = re.compile(
    r"(?:body|calls|to_apply|true_computation|false_computation|branch_computations)="
    r"(\{[^}]*\}|%?[\w.\-]+)"
)
_NAME = re.compile(r"[\w.\-]+")
_ROUNDS = re.compile(r'known_trip_count":\{"n":"(\d+)"')


class Collective(NamedTuple):
    """One operation between cards.

    Attributes:
        kind: all-reduce, all-gather, reduce-scatter and so on.
        arrays: types and shapes of what it works on as a whole, joined over the cards.
        size: bytes of these arrays.
        times: calls in one call of the program; a loop of unknown length counts as one round.
    """

    kind: str
    arrays: tuple[str, ...]
    size: int
    times: int


def read_collectives(program: str) -> list[Collective]:
    """Return the collectives of a compiled program, given as text, that one call executes."""
    bodies, entry, name = collections.defaultdict[str, list[str]](list), "", ""
    for line in program.splitlines():
        if head := _COMPUTATION.match(line):
            name = head[2]
            entry = name if head[1] else entry
        elif name:
            bodies[name].append(line)
    return [*_executed(bodies, read_instructions(program), entry, 1)]


def _executed(
    bodies: Mapping[str, list[str]], known: Mapping[str, Instruction], name: str, times: int
) -> Iterator[Collective]:
    for line in bodies.get(name, ()):
        if found := _COLLECTIVE.search(line):
            named = [known[name].types for name in _NAME.findall(found[4]) if name in known]
            operands, results = arrays_in(" ".join(named)), arrays_in(found[1])
            if found[3] and len(results) == 2 * len(operands):  # it names its operands again
                results = results[len(operands) :]
            arrays = max(operands, results, key=array_bytes)
            yield Collective(found[2], arrays, array_bytes(arrays), times)
            continue  # what it calls adds or compares single numbers
        rounds = _ROUNDS.search(line)
        for called in _CALLED.findall(line):
            for inner in _NAME.findall(called):
                yield from _executed(bodies, known, inner, times * int(rounds[1] if rounds else 1))
