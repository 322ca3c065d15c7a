"""Traces and compiles programs, and tells an observer what is under way."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any

# Called with a stage, "tracing" or "compiling", and the name of a program; the stage lasts as long
# as the block of the context manager that it returns. Stages of several programs overlap.
Observer = Callable[[str, str], AbstractContextManager[None]]


def observe_nothing(_stage: str, _program: str) -> AbstractContextManager[None]:
    """Let the stages of all programs pass unnoticed."""
    return nullcontext()


def compile_programs(
    programs: Mapping[str, Callable[[], Any]], observe: Observer = observe_nothing
) -> list[Any]:
    """Trace programs one after the other, and compile each in a thread of its own meanwhile.

    Args:
        programs: by name, functions that trace them and return what `jax.jit(...).lower` returns.
        observe: is told what is under way.

    Returns:
        The compiled programs, in the order given.
    """

    def compile_traced(name: str, traced: Any) -> Any:
        with observe("compiling", name):
            return traced.compile()

    with ThreadPoolExecutor(len(programs)) as pool:
        compiled = []
        for name, trace in programs.items():
            with observe("tracing", name):
                traced = trace()
            compiled.append(pool.submit(compile_traced, name, traced))
        return [each.result() for each in compiled]
