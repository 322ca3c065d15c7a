"""Rewrites a traced simulation for a GPU, without the loops of its solver.

CUDA graphs record straight runs of kernels. XLA leaves a loop outside of them, copies what the loop
carries, and lets the host wait for the condition of a loop of unknown length before every round. A
solver of few rounds is therefore written out: every round is computed, and kept where the loop
would have made it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import (
    ClosedJaxpr,
    Jaxpr,
    JaxprEqn,
    Literal,
    jaxpr_as_fun,
    jaxprs_in_params,
)


class Place(NamedTuple):
    """The place of an operation in a program.

    Attributes:
        most_rounds: rounds after which every loop of unknown length has ended.
        inside: whether it is part of a loop.
    """

    most_rounds: int
    inside: bool


def as_straight_line(function: Callable[..., Any], most_rounds: int) -> Callable[..., Any]:
    """Return `function` with loops of unknown length and loops within others written out.

    Values are the same. An outermost loop of known length stays one.

    Args:
        function: of arrays; it can be traced.
        most_rounds: rounds after which every loop of unknown length has ended.
    """

    def straight(*args: Any) -> Any:
        traced, shapes = jax.make_jaxpr(function, return_shape=True)(*args)
        results = _evaluate(traced, jax.tree.leaves(args), Place(most_rounds, inside=False))
        return jax.tree.unflatten(jax.tree.structure(shapes), results)

    return straight


def _evaluate(program: ClosedJaxpr, values: Sequence[Any], place: Place) -> list[Any]:
    """Return the results of a program, its loops written out."""
    jaxpr = program.jaxpr
    known = dict(zip(jaxpr.constvars, program.consts, strict=True))
    known |= zip(jaxpr.invars, values, strict=True)
    for eqns in _groups(jaxpr, place):
        rewrite = _rewrite(eqns[0], place)
        if rewrite is None:
            known |= _run(jaxpr, eqns, known)
            continue
        (eqn,) = eqns
        with jax.named_scope(str(eqn.source_info.name_stack)):
            results = rewrite(eqn.params, [_read(x, known) for x in eqn.invars], place)
        known |= zip(eqn.outvars, results, strict=True)
    return [_read(atom, known) for atom in jaxpr.outvars]


def _read(atom: Any, known: Mapping[Any, Any]) -> Any:
    return atom.val if isinstance(atom, Literal) else known[atom]


def _groups(jaxpr: Jaxpr, place: Place) -> Iterator[list[JaxprEqn]]:
    """Yield operations that stay as they are together, and each other operation alone."""
    group: list[JaxprEqn] = []
    for eqn in jaxpr.eqns:
        if _rewrite(eqn, place) is None:
            group.append(eqn)
            continue
        if group:
            yield group
        yield [eqn]
        group = []
    if group:
        yield group


def _run(jaxpr: Jaxpr, eqns: list[JaxprEqn], known: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the results of some operations of a program as they are, by variable."""
    made = [x for eqn in eqns for x in eqn.outvars]
    used = {x for eqn in eqns for x in eqn.invars if not isinstance(x, Literal)}
    taken = [x for x in known if x in used]
    part = jaxpr.replace(constvars=[], invars=taken, outvars=made, eqns=eqns)
    results = jaxpr_as_fun(ClosedJaxpr(part, ()))(*(known[x] for x in taken))
    return dict(zip(made, results, strict=True))


def _rewrite(eqn: JaxprEqn, place: Place) -> Callable[..., list[Any]] | None:
    """Return what rewrites an operation, or None if it stays as it is."""
    name = eqn.primitive.name
    if name == "while":
        return _write_out_while
    if name == "scan" and place.inside:
        return _write_out_scan
    if name not in ("scan", "jit"):
        return None
    if not _has_loop(eqn.params["jaxpr"].jaxpr):
        return None
    return _scan if name == "scan" else _call


def _has_loop(program: Jaxpr) -> bool:
    """Return whether a program has a loop, at any depth."""
    return any(
        eqn.primitive.name in ("while", "scan") or any(map(_has_loop, jaxprs_in_params(eqn.params)))
        for eqn in program.eqns
    )


def _call(params: dict[str, Any], values: list[Any], place: Place) -> list[Any]:
    return _evaluate(params["jaxpr"], values, place)


def _write_out_while(params: dict[str, Any], values: list[Any], place: Place) -> list[Any]:
    """Return the results of a loop of unknown length, as a straight line of its most rounds."""
    first, second = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
    conditions, fixed, carry = values[:first], values[first:second], values[second:]
    inside = place._replace(inside=True)

    @jax.jit  # traced once for all rounds
    def advance(*carry: Any) -> list[Any]:
        (proceed,) = _evaluate(params["cond_jaxpr"], [*conditions, *carry], inside)
        advanced = _evaluate(params["body_jaxpr"], [*fixed, *carry], inside)
        return [jnp.where(proceed, new, old) for new, old in zip(advanced, carry, strict=True)]

    for _ in range(place.most_rounds):
        carry = advance(*carry)
    return list(carry)


def _write_out_scan(params: dict[str, Any], values: list[Any], place: Place) -> list[Any]:
    return _scan(params, values, place, unroll=True)


def _scan(
    params: dict[str, Any], values: list[Any], place: Place, unroll: bool = False
) -> list[Any]:
    """Return the results of a loop of known length, with what it runs rewritten."""
    constants, carried = params["num_consts"], params["num_carry"]
    fixed, carry = values[:constants], values[constants : constants + carried]
    inside = place._replace(inside=True)

    def step(carry: list[Any], xs: list[Any]) -> tuple[list[Any], list[Any]]:
        results = _evaluate(params["jaxpr"], [*fixed, *carry, *xs], inside)
        return results[:carried], results[carried:]

    xs, length, reverse = values[constants + carried :], params["length"], params["reverse"]
    carry, ys = jax.lax.scan(step, carry, xs, length, reverse=reverse, unroll=unroll or 1)
    return [*carry, *ys]
