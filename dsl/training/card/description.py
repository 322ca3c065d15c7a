"""Describes what an experiment asks of a card, by compiling it for one that is only described."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import jax

from components.target_devices import tracing_for
from dsl.experiment import Experiment
from dsl.loop.execution import assign_devices
from dsl.loop.program import Program
from dsl.loop.training_loop import abstract_train_state
from dsl.training.card.cards import Card
from dsl.training.card.collectives import Collective, read_collectives
from dsl.training.card.compilation import CardProgram, compile_for_card
from dsl.training.card.lower_bound import LowerBound, lower_bound
from dsl.training.card.parts import EVALUATION, ITERATION, UPDATE, trace_part
from dsl.training.card.thunks import count_launches
from dsl.training.memory import count_bytes, format_bytes
from dsl.training.tables import titled_table

_NAMES = {UPDATE: "update", ITERATION: "unroll with one update", EVALUATION: "evaluation"}
_LIMITS = {"launches": "starting kernels", "products": "matrix products", "memory": "memory"}
_NOTES = (
    "Nothing was run: a kernel counts 1 us, products and memory as fast as the data sheet says.",
    "Loops whose length is not known before they run count as one round.",
)


def describe_on_card(experiment: Experiment, card: Card, devices: Sequence[Any]) -> str:
    """Compile an experiment for cards that need not exist, and return what it asks of them.

    Args:
        experiment: what would run.
        card: kind of the cards.
        devices: cards of this kind, from `describe_devices`.

    Raises:
        UsageError: the compiler refuses the program.
    """
    with tracing_for(devices):
        program = assign_devices(experiment.program())
        compiled = {part: compile_for_card(trace_part(program, part)) for part in _NAMES}
        bound = bound_update(program, card, compiled[UPDATE])
    used = "one" if program.devices == 1 else f"{program.devices} of {len(devices)}"
    title = f"On {used} {card.title}, compiled by JAX {jax.__version__} without the card"
    parts = [
        titled_table(title, _program_rows(compiled)),
        titled_table("Lower bounds", _bound_rows(compiled, card, bound)),
    ]
    if program.devices > 1:
        updates = experiment.schedule().updates_per_iteration
        parts.append(titled_table("Between cards", _collective_rows(compiled, updates)))
    return "\n\n".join([*parts, "\n".join(_NOTES)])


def bound_update(program: Program, card: Card, update: CardProgram) -> LowerBound:
    """Return the lower bound of one update, which reads its learners and writes them anew.

    Products are shared by the program's cards, learners are whole on each.
    """
    share = {name: n // program.devices for name, n in update.operations.items()}
    moved = 2 * count_bytes(abstract_train_state(program).learners)
    return lower_bound(card, count_launches(update.launches).kernels, share, moved)


def _program_rows(compiled: dict[str, CardProgram]) -> list[tuple[str, ...]]:
    """Return a row for each program; memory is that of one card."""
    rows: list[tuple[str, ...]] = [
        ("program", "compiled in", "kernels", "in graphs", "graphs", "loops", "memory")
    ]
    for part, name in _NAMES.items():
        found = compiled[part]
        count = count_launches(found.launches)
        open_ = f", {count.open_loops} of unknown length" * bool(count.open_loops)
        numbers = (f"{n:,}" for n in (count.kernels, count.in_graphs, count.graphs))
        memory = format_bytes(found.memory)
        rows.append((name, f"{found.seconds:.0f} s", *numbers, f"{count.loops}{open_}", memory))
    return rows


def _bound_rows(
    compiled: dict[str, CardProgram], card: Card, bound: LowerBound
) -> list[tuple[str, ...]]:
    asked = max(program.memory for program in compiled.values())
    fits = "" if asked <= card.memory else ", which is too little"
    times = ", ".join(
        f"{_LIMITS[name]} {seconds * 1e3:.3f} ms" for name, seconds in bound._asdict().items()
    )
    return [
        ("memory asked for", f"{format_bytes(asked)} of {format_bytes(card.memory)}{fits}"),
        ("time of an update", f"{bound.seconds * 1e3:.3f} ms, from {_LIMITS[bound.binding]}"),
        ("each alone", times),
        ("updates per second", f"{1 / bound.seconds:,.0f} at most"),
    ]


def _collective_rows(compiled: dict[str, CardProgram], updates: int) -> list[tuple[str, ...]]:
    """Return the collectives of an update and of the rest of an iteration, and their bytes."""
    update = read_collectives(compiled[UPDATE].text)
    whole = read_collectives(compiled[ITERATION].text)
    rest = max(_bytes(whole) - _bytes(update), 0)
    rows = [("of", "operation", "times", "bytes", "arrays")]
    rows += [("an update", *row) for row in _joined(update)]
    rows.append(("an update", "all", str(_calls(update)), f"{_bytes(update):,}", ""))
    iteration, calls = rest + updates * _bytes(update), _calls(whole) - _calls(update)
    calls = max(calls, 0) + updates * _calls(update)
    name = f"an iteration of {updates:,} updates"
    rows.append((name, "all", f"{calls:,}", f"{iteration:,}", ""))
    return rows


def _joined(collectives: Sequence[Collective]) -> list[tuple[str, ...]]:
    """Return kind, calls, bytes and arrays, the same operations joined."""
    calls = Counter[Collective]()
    for collective in collectives:
        calls[collective._replace(times=1)] += collective.times
    return [
        (of.kind, f"{times:,}", f"{of.size * times:,}", " ".join(of.arrays))
        for of, times in calls.items()
    ]


def _bytes(collectives: Sequence[Collective]) -> int:
    return sum(of.size * of.times for of in collectives)


def _calls(collectives: Sequence[Collective]) -> int:
    return sum(of.times for of in collectives)
