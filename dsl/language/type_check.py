"""Check values against the annotations of settings."""

import inspect
import types
from typing import Any, Literal, get_args, get_origin

from components.constraints import AtMost, Between, Constraint, OneOf, constraints_of
from dsl.language.problems import did_you_mean, nearest
from dsl.language.registry import Vocabulary
from dsl.language.type_advice import (
    CALLABLES,
    DICTS,
    LISTS,
    NONE,
    TUPLES,
    UNIONS,
    advice,
    bare,
    describe,
    is_open,
    made_by,
    members,
)
from dsl.language.values import MacroRef, Reference, leaves, shown
from dsl.language.word import Partial, Setting, Word

_LARGEST = 2**31 - 1  # what the device counts with; an annotation may say otherwise
_LARGEST_FLOAT = 3.4028235e38  # of 32 bits
_NUMBERS = {int: int, float: (int, float), complex: (int, float, complex)}


def mismatch(value: Any, hint: Any, vocabulary: Vocabulary) -> str | None:
    """Return what is wrong with a value, to follow the setting's name; None if nothing is.

    Args:
        value: macros replaced; references and constants as they are.
        hint: annotation, constraints included.
        vocabulary: what references and constants are looked up in.
    """
    if problem := _unusable_number(value, hint):
        return problem
    if not fits(value, hint, vocabulary):
        must = f"is {shown(value)}; it must be {describe(hint)}."
        return must + advice(value, hint, fitting_words(hint, vocabulary), vocabulary)
    return _broken_constraint(value, hint, vocabulary)


def is_default(value: Any, setting: Setting) -> bool:
    """Return whether the value is the default, which is right even if its annotation forgets it."""
    return type(value) is type(setting.default) and value == setting.default


def _unusable_number(value: Any, hint: Any) -> str | None:
    """Refuse complex numbers, and floats that are infinite on the device, whatever is annotated."""
    for leaf in leaves(value):
        if isinstance(leaf, complex) and complex not in map(bare, members(hint)):
            return f"is {shown(value)}; it must be {describe(hint)}, not a complex number."
        if isinstance(leaf, float) and not abs(leaf) <= _LARGEST_FLOAT:
            return f"is {shown(value)}; the largest float on a device is {_LARGEST_FLOAT}."
    return None


def fits(value: Any, hint: Any, vocabulary: Vocabulary) -> bool:
    """Return whether the value is of the annotated type, constraints aside."""
    hint = bare(hint)
    if get_origin(hint) in UNIONS:
        return any(fits(value, member, vocabulary) for member in get_args(hint))
    if is_open(hint):
        return True
    if isinstance(value, Reference):
        word = vocabulary.words.get(value.word)
        return word is None or _word_fits(word, hint)
    if isinstance(value, MacroRef):
        if value.name not in vocabulary.constants:
            return True
        value = vocabulary.constants[value.name]
    return _object_fits(value, hint, vocabulary)


def fitting_words(hint: Any, vocabulary: Vocabulary) -> list[str]:
    """Return references that could stand where a class, or a word that makes one, is asked for."""
    kinds = [bare(member) for member in members(hint)]
    makers = [kind for kind in kinds if _is_own_class(made_by(kind))]
    classes = [kind for kind in kinds if _is_own_class(kind) and kind not in CALLABLES]
    return [
        f"@{word.name}()"
        for word in vocabulary.words.values()
        if word.made and word.name != vocabulary.root
        if any(_word_fits(word, kind) for kind in (makers if word.is_partial else classes))
    ]


def _object_fits(value: Any, hint: Any, vocabulary: Vocabulary) -> bool:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return any(type(value) is type(option) and value == option for option in args)
    if hint in _NUMBERS:
        return isinstance(value, _NUMBERS[hint]) and not isinstance(value, bool)
    if hint in CALLABLES or origin in CALLABLES:
        return callable(value)
    if (origin or hint) in (*TUPLES, *LISTS, *DICTS):
        return _container_fits(value, origin or hint, args, vocabulary)
    return _isinstance(value, origin or hint)


def _container_fits(value: Any, kind: Any, args: tuple, vocabulary: Vocabulary) -> bool:
    if kind in DICTS:
        return isinstance(value, dict) and (
            not args or all(fits(item, args[1], vocabulary) for item in value.values())
        )
    own = tuple if kind in TUPLES else list if kind is list else (tuple, list)
    if not isinstance(value, own):
        return False
    hints = _item_hints(value, kind, args)
    return hints is None or (
        len(hints) == len(value)
        and all(fits(item, hint, vocabulary) for item, hint in zip(value, hints, strict=True))
    )


def _item_hints(value: Any, kind: Any, args: tuple) -> list[Any] | None:
    if not args:
        return None
    if kind in TUPLES and args[-1] is not Ellipsis:
        return list(args)
    return [args[0]] * len(value)


def _word_fits(word: Word, hint: Any) -> bool:
    origin = get_origin(hint)
    if hint in CALLABLES or origin in CALLABLES:
        if word.is_partial:
            return _made_class_fits(word.made, made_by(hint))
        return word.made is None or _is_callable(word.made)
    if origin is Literal or hint in (*_NUMBERS, bool, str, NONE):
        return False
    kind = origin or hint
    if kind in (*TUPLES, *LISTS, *DICTS):
        return kind in TUPLES and _makes_subclass(word, kind)
    return _makes_subclass(word, kind)


def _makes_subclass(word: Word, kind: Any) -> bool:
    made = Partial if word.is_partial else word.made
    if made is None or not inspect.isclass(kind) or _is_promise(kind):
        return True
    try:
        # A function may promise less than it gives.
        wider = not inspect.isclass(word.target) and issubclass(kind, made)
        return wider or issubclass(made, kind)
    except TypeError:
        return True


def _made_class_fits(made: type | None, kind: Any) -> bool:
    """Return whether the class that a partial makes may stand where `kind` is asked for."""
    if made is None or not inspect.isclass(kind) or is_open(kind):
        return True
    try:
        return issubclass(made, kind)
    except TypeError:  # a protocol that cannot be asked
        return True


def _is_callable(made: type) -> bool:
    return any("__call__" in vars(base) for base in made.__mro__)


def _is_own_class(hint: Any) -> bool:
    builtin = (*_NUMBERS, bool, str, NONE, *TUPLES, *LISTS, *DICTS)
    return inspect.isclass(hint) and hint not in builtin and not _is_promise(hint)


def _is_promise(hint: Any) -> bool:
    """Return whether a type cannot be checked from here: methods, shapes, or anything."""
    return is_open(hint) or getattr(hint, "_is_protocol", False)


def _isinstance(value: Any, kind: Any) -> bool:
    if not inspect.isclass(kind) or isinstance(kind, types.GenericAlias):
        return True
    try:
        return isinstance(value, kind)
    except TypeError:  # a protocol that cannot be asked; no literal is meant to keep one
        return not isinstance(value, (bool, int, float, str, tuple, list, dict, NONE))


def _broken_constraint(value: Any, hint: Any, vocabulary: Vocabulary) -> str | None:
    """Return the problem of the first member of a union that fits, unless another has none."""
    fitting = [m for m in members(hint) if fits(value, m, vocabulary)]
    broken = [_member_problem(value, member, vocabulary) for member in fitting]
    return None if None in broken else next(iter(broken), None)


def _member_problem(value: Any, hint: Any, vocabulary: Vocabulary) -> str | None:
    if isinstance(value, (Reference, MacroRef)):
        return None
    plain = bare(hint)
    if isinstance(value, (tuple, list)):
        items = _item_hints(value, get_origin(plain), get_args(plain)) or []
        for number, (item, item_hint) in enumerate(zip(value, items, strict=False), start=1):
            if problem := _broken_constraint(item, item_hint, vocabulary):
                return f"is {shown(value)}; its item {number} {problem}"
    rules = constraints_of(hint)
    large = _too_large(value, plain, rules) if type(value) is int and plain in _NUMBERS else None
    return large or _first_problem(value, rules)


def _too_large(value: int, kind: Any, rules: list[Constraint]) -> str | None:
    most = _upper_limit(rules)
    limit = _LARGEST if most is None else max(int(most), _LARGEST)
    if abs(value) <= limit:
        return None
    if value < 0:
        return f"is {shown(value)}; it must be {-limit:_} at least."
    if kind is int or most is not None or value > 10**30:
        return f"is {shown(value)}; it must be {limit if most is None else most:_} at most."
    return f"is {shown(value)}, too much for a whole number. Write {float(value)!r}."


def _upper_limit(rules: list[Constraint]) -> float | None:
    limits = [rule.maximum for rule in rules if isinstance(rule, AtMost)]
    limits += [rule.high for rule in rules if isinstance(rule, Between)]
    return min(limits, default=None)


def _first_problem(value: Any, rules: list[Constraint]) -> str | None:
    for rule in rules:
        problem = rule.problem(value)
        if problem:
            options = rule.options if isinstance(rule, OneOf) else ()
            names = [option for option in options if isinstance(option, str)]
            return problem + did_you_mean(nearest(str(value), names))
    return None
