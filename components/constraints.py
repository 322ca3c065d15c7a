"""Constraints on the values of settings, declared once, in the annotation of the setting.

    class Buffer(eqx.Module):
        def __init__(self, capacity: Annotated[int, AtLeast(1)] = 10_000): ...

The constructor calls `check`, so that a notebook gets the error. The gin language reads the same
annotations and reports the error with its line number before anything is built.
"""

import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, runtime_checkable

_LONGEST_SHOWN = 60  # characters of a value in a message


class SettingError(ValueError):
    """Raised for a setting whose value is not allowed.

    Attributes:
        setting: name of the setting.
        problem: value found and what to write instead, without the setting's name.
    """

    def __init__(self, setting: str, problem: str):
        super().__init__(f"{setting} {problem}")
        self.setting = setting
        self.problem = problem


@runtime_checkable
class Constraint(Protocol):
    """A rule for a value, carried in `typing.Annotated`; `str()` says it in words."""

    def problem(self, value: Any) -> str | None:
        """Return what is wrong with `value`, or None."""
        ...


@dataclass(frozen=True)
class AtLeast:
    """`value >= minimum`."""

    minimum: float

    def __str__(self) -> str:
        return f"at least {self.minimum}"

    def problem(self, value: Any) -> str | None:
        if value >= self.minimum:
            return None
        return f"is {value!r}; it must be at least {self.minimum!r}."


@dataclass(frozen=True)
class AtMost:
    """`value <= maximum`."""

    maximum: float

    def __str__(self) -> str:
        return f"at most {self.maximum}"

    def problem(self, value: Any) -> str | None:
        if value <= self.maximum:
            return None
        return f"is {value!r}; it must be at most {self.maximum!r}."


@dataclass(frozen=True)
class MoreThan:
    """`value > bound`."""

    bound: float

    def __str__(self) -> str:
        return f"more than {self.bound}"

    def problem(self, value: Any) -> str | None:
        if value > self.bound:
            return None
        return f"is {value!r}; it must be more than {self.bound!r}."


@dataclass(frozen=True)
class LessThan:
    """`value < bound`."""

    bound: float

    def __str__(self) -> str:
        return f"less than {self.bound}"

    def problem(self, value: Any) -> str | None:
        if value < self.bound:
            return None
        return f"is {value!r}; it must be less than {self.bound!r}."


@dataclass(frozen=True)
class Between:
    """`low <= value <= high`, or with `open` set `low < value < high`."""

    low: float
    high: float
    open: bool = False

    def __str__(self) -> str:
        return f"between {self.low} and {self.high}{', both excluded' if self.open else ''}"

    def problem(self, value: Any) -> str | None:
        inside = self.low < value < self.high if self.open else self.low <= value <= self.high
        if inside:
            return None
        exclusive = ", both excluded" if self.open else ""
        return f"is {value!r}; it must lie between {self.low!r} and {self.high!r}{exclusive}."


@dataclass(frozen=True)
class MultipleOf:
    """`value` is a positive whole multiple of `step`."""

    step: int

    def __str__(self) -> str:
        return f"a multiple of {self.step}"

    def problem(self, value: Any) -> str | None:
        if value > 0 and value % self.step == 0:
            return None
        below = (value // self.step) * self.step if value > 0 else 0
        legal = [n for n in (below, below + self.step) if n > 0]
        nearest = " or ".join(str(n) for n in legal)
        return f"is {value!r}; it must be a multiple of {self.step}. Nearest: {nearest}."


@dataclass(frozen=True)
class OneOf:
    """`value` is one of the listed `options`."""

    options: tuple[Any, ...]

    def __str__(self) -> str:
        return f"one of {', '.join(map(repr, self.options))}"

    def problem(self, value: Any) -> str | None:
        if value in self.options:
            return None
        shown = repr(value) if len(repr(value)) <= _LONGEST_SHOWN else f"{value!r:.57}..."
        return f"is {shown}; it must be one of {', '.join(map(repr, self.options))}."


PositiveInt = Annotated[int, AtLeast(1)]
PositiveFloat = Annotated[float, MoreThan(0)]
Discount = Annotated[float, Between(0, 1, open=True)]


def constraints_of(hint: Any) -> list[Constraint]:
    """Return the constraints of one annotation, those of a union's members aside."""
    return [rule for rule in getattr(hint, "__metadata__", ()) if isinstance(rule, Constraint)]


def problems(function: Callable, settings: dict[str, Any]) -> list[SettingError]:
    """Return an error for every setting that breaks a constraint of `function`, in order."""
    target = function.__init__ if inspect.isclass(function) else function
    hints = typing.get_type_hints(target, include_extras=True)
    found = {name: find_problem(value, hints.get(name)) for name, value in settings.items()}
    return [SettingError(name, problem) for name, problem in found.items() if problem]


def check(function: Callable, **settings: Any) -> None:
    """Raise the first `SettingError` of `problems`."""
    for error in problems(function, settings):
        raise error


def find_problem(value: Any, hint: Any) -> str | None:
    """Return what is wrong with a value; a member of a union that has no objection wins."""
    is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    members = [m for m in typing.get_args(hint) if m is not type(None)] if is_union else [hint]
    if value is None and len(members) < len(typing.get_args(hint)):
        return None
    if len(members) > 1:
        members = [member for member in members if _may_be(value, member)]
    found = [_first_problem(value, constraints_of(member)) for member in members]
    return None if None in found else next(iter(found), None)


def _first_problem(value: Any, rules: list[Constraint]) -> str | None:
    return next((problem for rule in rules if (problem := rule.problem(value))), None)


def _may_be(value: Any, member: Any) -> bool:
    """Return whether a value may be of a member of a union, as far as its class tells."""
    bare = typing.get_args(member)[0] if constraints_of(member) else member
    kind = typing.get_origin(bare) or bare
    return not inspect.isclass(kind) or isinstance(value, (int, float) if kind is float else kind)


def require_together(owner: object, *names: str) -> None:
    """Refuse an object that has some of these settings while others are None.

    Raises:
        SettingError: for the first setting that is missing.
    """
    filled = [name for name in names if getattr(owner, name) is not None]
    missing = [name for name in names if name not in filled]
    if filled and missing:
        raise SettingError(missing[0], f"is missing: this learner has a {filled[0]}.")
