"""Finds the operation that made a number non-finite, by looking at the result of every one.

`chex.chexify` and `jax.experimental.checkify` compile assertions into a program. The former names
the array that an assertion looks at and no operation. The latter names the operation of a NaN, also
of one that `where` discards, but of no infinity, and not the step of a loop. Here every value that
is not finite remembers the operation that it comes from, and what counts is what reaches the
function's result.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, jaxpr_as_fun

from components.networks.residual_stack import plain_form

# Where operations that are equal to a call keep what they call.
_CALLED = ("jaxpr", "call_jaxpr", "fun_jaxpr")
_COMPILED_TOGETHER = 40  # operations; one by one they take much longer
_TRANSFORMS = {"jvp", "vmap", "transpose", "jit", "checkpoint", "rematted_computation"}
_LIBRARIES = re.compile(r"/(jax|jaxlib|equinox|jaxtyping)/|<")

_ORDER = itertools.count()


class Loop(NamedTuple):
    """A loop around an operation.

    Attributes:
        scope: names around the loop.
        step: number of the step, from 0; in the order of the data, for a loop that runs backwards.
        steps: of the loop; None if its length depends on values.
    """

    scope: str
    step: int
    steps: int | None


class Origin(NamedTuple):
    """The operation that made the first number that is not finite.

    Attributes:
        operation: name of the operation in JAX.
        result: value, type and shape that it gave.
        line: file, line and function of the code; empty if it is not known.
        scope: names around it, from `jax.named_scope` and the transformations of JAX.
        loops: around it, the outermost first.
        order: smaller of what was evaluated earlier.
    """

    operation: str
    result: str
    line: str
    scope: str
    loops: tuple[Loop, ...]
    order: int

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of `jax.named_scope` around the operation, the outermost first."""
        return tuple(n for n in re.findall(r"[\w.-]+", self.scope) if n not in _TRANSFORMS)

    @property
    def is_backward(self) -> bool:
        """Return whether the operation belongs to a backward pass."""
        return "transpose(" in self.scope


def find_origin(function: Callable[..., Any], *args: Any) -> Origin | None:
    """Return the operation that the first non-finite number of `function(*args)` comes from.

    Args:
        function: can be traced.
        args: trees of arrays; what is not finite among them is taken as it is meant to be.

    Returns:
        None if the result is finite, or not finite only because of `args` and constants.
    """
    traced = jax.make_jaxpr(function)(*args)
    leaves = jax.tree.leaves(args)
    _, origins = _run(traced, leaves, [None] * len(leaves), "")
    return _earliest(origins)


def _run(
    closed: ClosedJaxpr, values: Sequence[Any], origins: Sequence[Origin | None], scope: str
) -> tuple[list[Any], list[Origin | None]]:
    """Evaluate a program; return its results and their origins."""
    program = closed.jaxpr
    known: dict[Any, tuple[Any, Origin | None]] = {
        variable: (value, None)
        for variable, value in zip(program.constvars, closed.consts, strict=True)
    }
    known |= zip(program.invars, zip(values, origins, strict=True), strict=True)

    def read(atom: Any) -> tuple[Any, Origin | None]:
        return (atom.val, None) if isinstance(atom, Literal) else known[atom]

    for part in _parts(program):
        if (inner := _inner_program(part[0])) is not None and _is_large_call(part[0]):
            ins = [read(atom) for atom in part[0].invars]
            values, origins = [value for value, _ in ins], [origin for _, origin in ins]
            results = _run(inner, values, origins, _scope_of(part[0], scope))
            known |= zip(part[0].outvars, zip(*results, strict=True), strict=True)
            continue
        for eqn, results in zip(part, _execute(program, part, read), strict=True):
            found = _with_origins(eqn, [read(a) for a in eqn.invars], results, scope)
            known |= zip(eqn.outvars, found, strict=True)
    outs = [read(atom) for atom in program.outvars]
    return [value for value, _ in outs], [origin for _, origin in outs]


def _parts(program: Jaxpr) -> Iterator[list[JaxprEqn]]:
    """Yield operations in groups that are compiled together; a large call is a group by itself."""
    part = []
    for eqn in program.eqns:
        if part and (len(part) == _COMPILED_TOGETHER or _is_large_call(eqn)):
            yield part
            part = []
        part.append(eqn)
        if _is_large_call(eqn):
            yield part
            part = []
    if part:
        yield part


def _execute(
    program: Jaxpr, part: list[JaxprEqn], read: Callable[[Any], tuple[Any, Origin | None]]
) -> list[list[Any]]:
    """Return the results of each operation of a part of a program."""
    made = {variable for eqn in part for variable in eqn.outvars}
    used = dict.fromkeys(
        atom for eqn in part for atom in eqn.invars if not isinstance(atom, Literal)
    )
    operands = [variable for variable in used if variable not in made]
    outvars = [variable for eqn in part for variable in eqn.outvars]
    alone = program.replace(constvars=[], invars=operands, outvars=outvars, eqns=part)
    function = jax.jit(jaxpr_as_fun(ClosedJaxpr(alone, ())))
    results = iter(function(*(read(variable)[0] for variable in operands)))
    return [[next(results) for _ in eqn.outvars] for eqn in part]


def _with_origins(
    eqn: JaxprEqn, operands: list[tuple[Any, Origin | None]], results: list[Any], scope: str
) -> list[tuple[Any, Origin | None]]:
    """Return the results of one operation with their origins."""
    if all(map(_is_finite, results)):
        return [(value, None) for value in results]
    origin, values = _earliest([origin for _, origin in operands]), [v for v, _ in operands]
    if origin is None and any(_is_new(value, values) for value in results):
        origin = _search(eqn, values, results, _scope_of(eqn, scope))
    return [(value, None if _is_finite(value) else origin) for value in results]


def _search(eqn: JaxprEqn, values: list[Any], results: list[Any], scope: str) -> Origin | None:
    """Return the origin of what one operation made non-finite: itself, or one inside of it."""
    searches = {"scan": _search_scan, "while": _search_while}
    if eqn.primitive.name in searches:
        return searches[eqn.primitive.name](eqn, values, scope)
    if (called := _called(eqn, values)) is not None:
        inner, taken = called
        ins = values[taken:]
        return _earliest(_run(inner, ins, [None] * len(ins), scope)[1])
    value = next(value for value in results if _is_new(value, values))
    return Origin(eqn.primitive.name, _describe(value), _line(eqn), scope, (), next(_ORDER))


def _search_scan(eqn: JaxprEqn, values: list[Any], scope: str) -> Origin | None:
    params = eqn.params
    constants, carried = params["num_consts"], params["num_carry"]
    fixed, carry, xs = np.split(np.arange(len(values)), [constants, constants + carried])
    fixed, carry, xs = ([values[i] for i in part] for part in (fixed, carry, xs))
    body, step = params["jaxpr"], jax.jit(jaxpr_as_fun(params["jaxpr"]))
    order = range(params["length"])
    for index in reversed(order) if params["reverse"] else order:
        ins = [*fixed, *carry, *(x[index] for x in xs)]
        outs = step(*ins)
        if found := _search_step(body, ins, outs, Loop(scope, index, params["length"])):
            return found
        carry = outs[:carried]
    return None


def _search_while(eqn: JaxprEqn, values: list[Any], scope: str) -> Origin | None:
    params = eqn.params
    split = np.cumsum([params["cond_nconsts"], params["body_nconsts"]])
    conditions, fixed, carry = values[: split[0]], values[split[0] : split[1]], values[split[1] :]
    body, step = params["body_jaxpr"], jax.jit(jaxpr_as_fun(params["body_jaxpr"]))
    proceed, index = jax.jit(jaxpr_as_fun(params["cond_jaxpr"])), 0
    while proceed(*conditions, *carry)[0]:
        ins = [*fixed, *carry]
        outs = step(*ins)
        if found := _search_step(body, ins, outs, Loop(scope, index, None)):
            return found
        carry, index = outs, index + 1
    return None


def _search_step(body: ClosedJaxpr, ins: list[Any], outs: list[Any], loop: Loop) -> Origin | None:
    """Return the origin inside one step of a loop, if there is one."""
    if not any(_is_new(value, ins) for value in outs):
        return None
    _, origins = _run(body, ins, [None] * len(ins), loop.scope)
    found = _earliest(origins)
    return found and found._replace(loops=(loop, *found.loops))


def _called(eqn: JaxprEqn, values: list[Any]) -> tuple[ClosedJaxpr, int] | None:
    """Return what an operation calls, and which operand is the first to be passed to it."""
    if eqn.primitive.name == "cond":
        return eqn.params["branches"][int(values[0])], 1
    if (plain := plain_form(eqn.primitive.name, eqn.params)) is not None:
        return jax.make_jaxpr(plain)(*values), 0
    inner = _inner_program(eqn)
    return None if inner is None else (inner, 0)


def _is_large_call(eqn: JaxprEqn) -> bool:
    """Return whether it is quicker to look into a call than to compile it as a whole."""
    inner = _inner_program(eqn)
    return inner is not None and len(inner.jaxpr.eqns) > _COMPILED_TOGETHER


def _inner_program(eqn: JaxprEqn) -> ClosedJaxpr | None:
    if eqn.primitive.name in ("scan", "while", "cond"):
        return None
    inner = next((eqn.params[key] for key in _CALLED if key in eqn.params), None)
    inner = ClosedJaxpr(inner, ()) if isinstance(inner, Jaxpr) else inner
    return inner if isinstance(inner, ClosedJaxpr) else None


def _scope_of(eqn: JaxprEqn, around: str) -> str:
    return "/".join(filter(None, (around, str(eqn.source_info.name_stack))))


def _earliest(origins: Sequence[Origin | None]) -> Origin | None:
    found = [origin for origin in origins if origin is not None]
    return min(found, key=lambda origin: origin.order, default=None)


def _is_new(value: Any, operands: Sequence[Any]) -> bool:
    """Return whether a value is not finite and the operands are not the reason.

    An infinity that is passed on is meant, as in a mask; a NaN never is.
    """
    if _is_finite(value):
        return False
    return bool(np.isnan(np.asarray(value)).any()) or all(map(_is_finite, operands))


def _is_finite(value: Any) -> bool:
    if not jnp.issubdtype(jnp.result_type(value), jnp.inexact):
        return True
    return bool(np.isfinite(np.asarray(value)).all())  # on the host: nothing to compile


def _describe(value: Any) -> str:
    array = np.asarray(value, np.float32)
    bad = array[~np.isfinite(array)]
    shape = f"{jnp.result_type(value).name}[{','.join(map(str, array.shape))}]"
    return f"{bad[0]} in {bad.size:,} of {array.size:,} numbers of {shape}"


def _line(eqn: JaxprEqn) -> str:
    """Return the innermost line of code that is not a library's."""
    traceback = eqn.source_info.traceback
    for frame in traceback.frames if traceback else ():
        if not _LIBRARIES.search(frame.file_name):
            name = frame.function_name.rpartition(".")[2]
            return f"{_short_path(frame.file_name)}:{frame.line_num} in {name}"
    return ""


def _short_path(file: str) -> str:
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except ValueError:
        return file
