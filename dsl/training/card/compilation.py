"""Compiles a traced program for a described card, and reads what the compiler says about it."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jax.experimental.compilation_cache import compilation_cache

from dsl.errors import UsageError
from dsl.training.card.products import Operations, count_products
from dsl.training.card.thunks import Launch, read_launches


class CardProgram(NamedTuple):
    """A program compiled for a card.

    Attributes:
        seconds: that compiling took.
        text: the compiled program.
        launches: what one call launches.
        operations: floating-point operations of its matrix products on all cards, by precision.
        memory: bytes that it asks for on each card: arguments, results and what lies between.
        temporary: the part of them that lies between.
    """

    seconds: float
    text: str
    launches: list[Launch]
    operations: Operations
    memory: int
    temporary: int


def compile_for_card(traced: Any) -> CardProgram:
    """Compile for the card that the arguments of a traced program lie on.

    Args:
        traced: `jax.jit(function).trace(...)` of shapes with shardings on described devices.

    Raises:
        UsageError: the compiler refuses the program.
    """
    lowered = traced.lower(lowering_platforms=("cuda",))
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, _without_cache():
        try:
            compiled = lowered.compile(compiler_options={"xla_dump_to": folder})
        except jax.errors.JaxRuntimeError as error:
            reason = str(error).partition("\n")[0]
            raise UsageError(f"this does not compile for the card: {reason}") from error
        seconds, text = time.perf_counter() - begun, compiled.as_text()
        launches = read_launches(*_read_thunks(Path(folder)), text)
    need = compiled.memory_analysis()
    held = need.argument_size_in_bytes + need.output_size_in_bytes - need.alias_size_in_bytes
    return CardProgram(
        seconds=seconds,
        text=text,
        launches=launches,
        operations=count_products(traced.jaxpr.jaxpr),
        memory=held + need.temp_size_in_bytes,
        temporary=need.temp_size_in_bytes,
    )


def _read_thunks(folder: Path) -> tuple[str, str]:
    """Return XLA's list of thunks, graphs included if there are any, and their names."""
    (plain,) = folder.glob("*.thunk_sequence.txt")
    with_graphs = [*folder.glob("*.thunk_sequence_after_thunk_passes.txt")]
    (names,) = folder.glob("*.thunk_metadata.txt")
    return (with_graphs or [plain])[0].read_text(), names.read_text()


@contextmanager
def _without_cache() -> Iterator[None]:
    """Compile anew in a `with` block; kept programs for described devices cannot be read again."""
    before = jax.config.jax_enable_compilation_cache  # pyright: ignore[reportAttributeAccessIssue]
    jax.config.update("jax_enable_compilation_cache", False)
    compilation_cache.reset_cache()
    try:
        yield
    finally:
        jax.config.update("jax_enable_compilation_cache", before)
        compilation_cache.reset_cache()
