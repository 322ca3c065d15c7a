"""Counts floating-point operations of the matrix products in a traced program."""

import collections
import math
from collections.abc import Iterator
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn

from components.networks.residual_stack import plain_form

Operations = collections.Counter[str]  # by precision


def count_products(program: Jaxpr) -> Operations:
    """Count two operations per multiplication of matrix products, by precision.

    A loop of unknown length counts as one round; of alternatives the most expensive one counts.
    """
    total = Operations()
    for equation in program.eqns:
        total.update(_count(equation))
    return total


def _count(equation: JaxprEqn) -> Operations:
    name, params = equation.primitive.name, equation.params
    if name == "dot_general":
        return Operations({_precision(equation): _multiplications(equation) * 2})
    if plain := plain_form(name, params):
        return count_products(jax.make_jaxpr(plain)(*map(_shape, equation.invars)).jaxpr)
    parts = [count_products(inner) for inner in _programs_in(params)]
    if name == "cond":
        return max(parts, key=lambda part: part.total())
    rounds = params["length"] if name == "scan" else 1
    total = Operations()
    for part in parts:
        total.update({precision: rounds * count for precision, count in part.items()})
    return total


def _multiplications(product: JaxprEqn) -> int:
    (contracted, _), _ = product.params["dimension_numbers"]
    left, result = _shape(product.invars[0]), _shape(product.outvars[0])
    return math.prod(result.shape) * math.prod(left.shape[i] for i in contracted)


def _shape(variable: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(variable.aval.shape, variable.aval.dtype)


def _precision(product: JaxprEqn) -> str:
    """Return the precision of a product on a GPU: float32, tf32x3, tf32 or bfloat16."""
    if _shape(product.invars[0]).dtype.itemsize < 4:
        return "bfloat16"
    asked = product.params["precision"]
    asked = asked[0] if isinstance(asked, tuple) else asked
    return {
        jax.lax.Precision.HIGHEST: "float32",
        jax.lax.Precision.HIGH: "tf32x3",
        jax.lax.DotAlgorithmPreset.TF32_TF32_F32_X3: "tf32x3",
    }.get(asked, "tf32")


def _programs_in(params: dict[str, Any]) -> Iterator[Jaxpr]:
    for value in params.values():
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, ClosedJaxpr):
                yield item.jaxpr
            elif isinstance(item, Jaxpr):
                yield item
