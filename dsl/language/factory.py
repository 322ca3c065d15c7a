"""What gin calls for a word: makes the plan or the thing, and notes failures instead of raising."""

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

from dsl.language import gin_door
from dsl.language.plan import Partial
from dsl.language.values import leaves
from dsl.language.word import Word


class Failure(NamedTuple):
    """A word whose constructor refused its settings."""

    word: Word
    scope: str
    error: Exception


class _Broken:
    """Stands for what could not be made, so that the rest can still be tried."""


_BROKEN = _Broken()
_failures: ContextVar[list[Failure]] = ContextVar("failures")


def factory(word: Word) -> Callable[..., Any]:
    """A function of the word's choices, and of nothing else."""

    def make(**settings: Any) -> Any:
        if any(isinstance(leaf, _Broken) for leaf in leaves(settings)):
            return _BROKEN
        scope = gin_door.current_scope()
        settings = {**word.defaults, **settings}
        if word.is_planned:
            return Partial(word.name, scope, word.thing, settings)
        try:
            return word.thing(**settings)
        # Anything may go wrong in a constructor; all that did is reported together.
        except Exception as error:
            _failures.get().append(Failure(word, scope, error))
            return _BROKEN

    make.__name__ = word.short_name
    make.__doc__ = word.summary
    make.__signature__ = inspect.Signature(  # pyright: ignore[reportFunctionMemberAccess]
        # Defaults are filled in above: gin would try to write each of them as text.
        [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in word.settings]
    )
    return make


def construct(text: str, root: Word) -> tuple[Any, list[Failure]]:
    """Build the root from flat gin text; what it gives is meaningless where there are failures."""
    token = _failures.set([])
    try:
        gin_door.apply(text)
        return gin_door.evaluate(root.selector), _failures.get()
    finally:
        _failures.reset(token)
