"""Counts kernels and CUDA graphs in XLA's list of what a compiled GPU program executes.

XLA calls an entry of the list a thunk. Straight runs of thunks are recorded into a graph (a
command buffer), which the host launches as one; a loop stays outside and launches every round.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_ENTRY = re.compile(r"( *)(\d{3,}): (k\w+)")
_SECTION = re.compile(r"( *)(\w+):")
_NAME = re.compile(r'profile_annotation: "([^"]*)"\s*(?:thunk_id: (\d+))?')
_ROUNDS = re.compile(r'%?([\w.\-]+) = .* while\(.*known_trip_count":\{"n":"(\d+)"')
_GRAPH, _LOOP, _CHOICE = "kCommandBuffer", "kWhile", "kConditional"
# They launch nothing themselves.
CONTAINERS = (_GRAPH, _LOOP, _CHOICE, "kSequential", "kDynamicSliceFusion")
_CONDITION = "condition"


class Thunk:
    """One entry of the list.

    Attributes:
        kind: what XLA calls its kind.
        number: by which other lists refer to it.
        sections: entries within it, by part: a loop has a condition and a body.
    """

    def __init__(self, kind: str, number: int):
        """Args: those of the attributes with the same names."""
        self.kind, self.number = kind, number
        self.sections: dict[str, list[Thunk]] = {}


class Launch(NamedTuple):
    """Something that one call launches.

    Attributes:
        kind: what XLA calls its kind.
        instruction: name of the instruction in the compiled program, or "".
        times: launches in one call; a loop of unknown length counts as one round.
        in_graph: whether it is part of a graph.
        in_open_loop: whether it is part of a loop of unknown length.
        loop: name of the innermost loop that it is part of, or "".
    """

    kind: str
    instruction: str
    times: int
    in_graph: bool
    in_open_loop: bool = False
    loop: str = ""


class LaunchCount(NamedTuple):
    """Launches of one call of a program; a loop of unknown length counts as one round.

    Attributes:
        kernels: kernels, copies and library calls, in graphs and outside.
        in_graphs: those of them that are parts of graphs.
        graphs: launches of graphs.
        loops: loops of the program.
        open_loops: those of them whose length is not known before they run.
    """

    kernels: int
    in_graphs: int
    graphs: int
    loops: int
    open_loops: int


def count_launches(launches: list[Launch]) -> LaunchCount:
    """Count the launches of one call."""
    kernels = [launch for launch in launches if launch.kind not in CONTAINERS]
    loops = [launch for launch in launches if launch.kind == _LOOP]
    return LaunchCount(
        kernels=sum(launch.times for launch in kernels),
        in_graphs=sum(launch.times for launch in kernels if launch.in_graph),
        graphs=sum(launch.times for launch in launches if launch.kind == _GRAPH),
        loops=len(loops),
        open_loops=sum(launch.instruction == "" for launch in loops),
    )


def read_launches(sequence: str, metadata: str, program: str) -> list[Launch]:
    """Return what one call launches.

    Args:
        sequence: XLA's list of thunks.
        metadata: XLA's names of thunks.
        program: the compiled program as text.
    """
    names = {int(number or 0): name for name, number in _NAME.findall(metadata)}
    rounds = {name: int(count) for name, count in _ROUNDS.findall(program)}
    return [*_launched(parse_thunks(sequence), names, rounds, 1, in_graph=False)]


def parse_thunks(sequence: str) -> list[Thunk]:
    """Return the tree of thunks that XLA prints with indentation."""
    root = Thunk("", 0)
    open_thunks, section = [(-1, root)], {root: ""}
    for line in sequence.splitlines():
        if label := _SECTION.fullmatch(line.rstrip()):
            if label[2] != _CONDITION:  # printed without indentation, right after its loop
                _close(open_thunks, len(label[1]))
            section[open_thunks[-1][1]] = label[2]
            continue
        for position, entry in enumerate(_ENTRY.finditer(line)):
            # The first thunk of a sequence stands on its line.
            indent = open_thunks[-1][0] + 1 if position else len(entry[1])
            _close(open_thunks, indent)
            parent, thunk = open_thunks[-1][1], Thunk(entry[3], int(entry[2]))
            parent.sections.setdefault(section[parent], []).append(thunk)
            open_thunks.append((indent, thunk))
            section[thunk] = ""
    return root.sections.get("", [])


def _close(open_thunks: list[tuple[int, Thunk]], indent: int) -> None:
    """Drop the thunks that a line with this indentation is not part of."""
    while open_thunks[-1][0] >= indent:
        open_thunks.pop()


def _launched(
    thunks: list[Thunk],
    names: Mapping[int, str],
    rounds: Mapping[str, int],
    times: int,
    in_graph: bool,
    in_open_loop: bool = False,
    loop: str = "",
) -> Iterator[Launch]:
    for thunk in thunks:
        name = names.get(thunk.number, "")
        is_open = thunk.kind == _LOOP and name not in rounds
        yield Launch(thunk.kind, "" if is_open else name, times, in_graph, in_open_loop, loop)
        inner = [
            [
                *_launched(
                    part,
                    names,
                    rounds,
                    times * _repetitions(thunk, section, rounds.get(name)),
                    in_graph or thunk.kind == _GRAPH,
                    in_open_loop or is_open,
                    name if thunk.kind == _LOOP else loop,
                )
            ]
            for section, part in thunk.sections.items()
        ]
        if thunk.kind == _CHOICE:  # one of the branches runs
            inner = [max(inner, key=lambda branch: count_launches(branch).kernels, default=[])]
        for launches in inner:
            yield from launches


def _repetitions(thunk: Thunk, section: str, rounds: int | None) -> int:
    """Return how often a thunk runs one of its sections; a known number needs no condition."""
    if thunk.kind != _LOOP or rounds is None:
        return 1
    return 0 if section == _CONDITION else rounds
