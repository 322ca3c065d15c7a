"""Recognise what Python, YAML and other languages write, and say how gin writes it."""

import ast
import builtins
import contextlib
import operator
import re
import threading
import warnings
from collections.abc import Iterator
from typing import Any

from dsl.language.values import shown

_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
}
_LIBRARIES = ("np", "numpy", "jnp", "jax", "math", "os", "optax", "torch", "random")
_MULTIPLES = {"k": 10**3, "m": 10**6, "b": 10**9}
_CODE = {
    r"\blambda\b": "Write the function in a module of your own, and import it.",
    r"\bfor\b.+\bin\b": "Write the list out.",
    r"\bif\b.+\belse\b": "Write the value.",
}
_LONGEST_LIST = 20
_filters = threading.Lock()  # the filters of warnings belong to the whole process


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Silence Python's warnings about the user's literals."""
    with _filters, warnings.catch_warnings(action="ignore"):
        yield


def explain_foreign_syntax(line: str) -> str | None:
    """Return what to write in place of code, of a call, or of another language's comment."""
    value = line.partition("=")[2]
    if re.match(r"[^'\"#]*\s//\s*[A-Za-z]", value):
        return "A comment begins with #."
    bare = re.sub(r"'[^']*'|\"[^\"]*\"|#.*", "''", value)
    for form, advice in _CODE.items():
        if re.search(form, bare):
            return f"A gin file holds no code. {advice}"
    if prefix := re.search(r"(?<!\w)([fFrRbBuU]{1,2})''", bare):
        return f"Text is written '...', without the {prefix[1]}."
    if word := re.fullmatch(r"\s*((?:\w+/)*[a-z_]\w*\.[A-Z]\w*)\s*", bare):
        return f"Write @{word[1]}(). Text goes in quotes: '{word[1]}'."
    return _call(bare)


def _call(value: str) -> str | None:
    found = re.search(r"(?<![@\w./])([A-Za-z_][\w./]*)\(([^)]*)\)?", value)
    if found is None:
        return None
    name, arguments = found.groups()
    if name.split(".")[0] in _LIBRARIES or hasattr(builtins, name):
        return f"gin calls no functions. Write {_listed_range(name, arguments) or 'the value'}."
    if "." not in name:
        return f"To build a word, write @family.{name}()."
    return f"Write @{name}()" + (" and set it on lines of its own." if arguments.strip() else ".")


def _listed_range(name: str, arguments: str) -> str | None:
    """Return the list that a call of `range` gives, if it is a short one."""
    if name != "range" or not re.fullmatch(r"\s*-?\d{1,9}\s*(,\s*-?\d{1,9}\s*){0,2}", arguments):
        return None
    try:
        numbers = range(*map(int, arguments.split(",")))
    except ValueError:  # a step of 0
        return None
    return str(list(numbers)) if 0 < len(numbers) <= _LONGEST_LIST else None


def explain_number(text: str) -> str:
    """Return what to write in place of something that looks like a number."""
    if found := re.fullmatch(r"([-+]?\d*\.?\d+)([kKmMbB])", text):
        number = float(found[1]) * _MULTIPLES[found[2].lower()]
        return f"Write {shown(int(number) if number.is_integer() else number)}."
    if found := re.fullmatch(r"([-+]?)0+([1-9]\d*)", text):
        return f"Write {found[1]}{found[2]}."
    if found := re.fullmatch(r"([-+]?\d+)[lLuU]+|([-+]?\d*\.\d*)[fFdD]", text):
        return f"Write {found[1] or found[2]}."
    return f"{text} is not a number that gin can read."


def explain_digit_groups(line: str) -> str | None:
    """Return a whole number whose digits stand in groups, `1,200` or `1 200`, as gin writes it."""
    found = re.search(r"=\s*(\d{1,3}(?:([, ])\d{3})(?:\2\d{3})*)\s*(#.*)?$", line)
    return f"Write {re.sub('[, ]', '_', found[1])}." if found else None


def arithmetic_hint(expression: str) -> str | None:
    """Return what to write in place of arithmetic on numbers; None for other expressions."""
    try:
        with without_warnings():
            tree = ast.parse(expression.strip(), mode="eval").body
        value = _number(tree) if isinstance(tree, ast.BinOp) else None
    except Exception:  # no expression, no arithmetic
        return None
    return None if value is None else f"gin has no arithmetic. Write {shown(value)}."


def _number(tree: ast.expr) -> Any:
    """Return the value of an expression of numbers; raises on everything else."""
    if isinstance(tree, ast.BinOp):
        left, right = _number(tree.left), _number(tree.right)
        # Without a bound, a power can keep the machine busy for ever.
        if isinstance(tree.op, ast.Pow) and (abs(left) > 1000 or not 0 <= right < 20):
            raise ValueError(tree)
        return _OPERATORS[type(tree.op)](left, right)
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return -_number(tree.operand)
    if isinstance(tree, ast.Constant) and type(tree.value) in (int, float):
        return tree.value
    raise ValueError(tree)
