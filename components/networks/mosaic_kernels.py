"""Defines the kernels of `mosaic_stack`: what one program computes, from references to arrays.

Everything within is (features, rows), and each of the two warpgroups that compute has its half of
the features.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from components.networks.mosaic_memory import SCRATCH
from components.networks.mosaic_team import Team
from components.networks.skip_connections import entered, left, skipped
from components.networks.stack_form import EPSILON, StackForm


def forward(x, w, v, y, inputs, normalised, deviations, *scratch, form: StackForm) -> None:
    """Compute the rows of one program through all layers."""
    net = jax.lax.axis_index("net")
    layers, count, width = v.shape[1:]
    team = Team(form, width, *scratch)

    def layer(i: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        team.keep_stream(inputs.at[net, i, team.rows])
        bias = team.vector(v.at[net, i, 0])
        z = team.product() + bias
        others = [team.vector(v.at[net, i, j]) for j in range(1, count)]
        if count == 3:
            z, inverse = _normalise(z, team)
            deviations[net, i, team.group, team.rows] = inverse
        else:
            team.exchange()
        team.store(normalised.at[net, i], z)
        out = activated(form.activation, _scaled(z, others))
        h, skip = skipped(out, carry[1], i, form)
        team.publish(h)
        return h, skip

    def compute() -> None:
        start = team.block(x.at[net])
        team.publish(start)
        end, _ = jax.lax.fori_loop(0, layers, layer, (start, start))
        team.store(y.at[net], end)

    team.run(w.at[net], lambda i: i, compute)


def backward(dy, w, v, normalised, deviations, dx, dz, *others, form: StackForm) -> None:
    """Propagate the gradients of one program's rows back through all layers."""
    net, tile = jax.lax.axis_index("net"), jax.lax.axis_index("tile")
    layers, count, width = v.shape[1:]
    sums, scratch = others[:-SCRATCH], others[-SCRATCH:]
    team = Team(form, width, *scratch)

    def layer(step: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        i = layers - 1 - step
        z = team.block(normalised.at[net, i])
        scales = [team.vector(v.at[net, i, j]) for j in range(1, count)]
        d, passed_over = entered(carry, i, form)
        dn = d * slope(form.activation, _scaled(z, scales))
        add_up = functools.partial(_add_up, [total.at[net, i, tile] for total in sums], team)
        if count == 3:
            add_up(1, dn * z)
            add_up(2, dn)
            inverse = team.per_row(deviations.at[net, i])
            d = inverse * _centre(dn * scales[0], z, team)
        else:
            team.exchange()
            d = dn
        add_up(0, d)
        team.publish(d)
        team.keep_stream(dz.at[net, i, team.rows])
        return left(team.product(), passed_over, i, form)

    def compute() -> None:
        end = team.block(dy.at[net])
        start, _ = jax.lax.fori_loop(0, layers, layer, (end, end))
        team.store(dx.at[net], start)

    team.run(w.at[net], lambda step: layers - 1 - step, compute)


def _add_up(totals: list[Any], team: Team, vector: int, gradient: Array) -> None:
    """Store the sum over rows of a gradient by one of a layer's vectors, if there is a place."""
    for total in totals:
        total[vector, team.features] = jnp.sum(gradient, axis=1)


def _normalise(z: Array, team: Team) -> tuple[Array, Array]:
    """Return features with mean 0 and variance 1, and the inverse standard deviation of each row.

    Mean and variance are those of two halves, joined: Chan, Golub and LeVeque, "Updating formulae
    and a pairwise algorithm for computing sample variances", 1979, equation 2.1.
    """
    half = z.shape[0]
    mean = team.sum_features(z) / half
    centred = z - team.over_features(mean)
    squares = team.sum_features(centred * centred)
    other_mean, other_squares = team.exchange(mean, squares)
    gap = (other_mean - mean) / 2
    variance = (squares + other_squares) / (2 * half) + gap * gap
    inverse = jax.lax.rsqrt(variance + EPSILON)
    return (centred - team.over_features(gap)) * team.over_features(inverse), inverse


def _centre(d: Array, z: Array, team: Team) -> Array:
    """Return `d` without its mean over features and its component along `z`."""
    mine = team.sum_features(d), team.sum_features(d * z)
    pairs = zip(mine, team.exchange(*mine), strict=True)
    mean, along = (team.over_features((a + b) / team.width) for a, b in pairs)
    return d - mean - z * along


def _scaled(z: Array, parameters: list[Array]) -> Array:
    """Return the activation's input: with LayerNorm, `z` scaled and shifted."""
    return z * parameters[0] + parameters[1] if parameters else z


def activated(activation: Callable[[Array], Array], x: Array) -> Array:
    """Return an activation; functions that bring their derivative along cannot be compiled."""
    return jnp.maximum(x, 0) if activation is jax.nn.relu else activation(x)


def slope(activation: Callable[[Array], Array], x: Array) -> Array:
    """Return the derivative of an activation; those that JAX derives cannot be compiled."""
    if activation is jax.nn.relu:
        return jnp.where(x > 0, jnp.ones_like(x), jnp.zeros_like(x))
    if activation is jax.nn.swish:
        gate = jax.lax.logistic(x)
        return gate * (1 + x * (1 - gate))
    inner, cubic = math.sqrt(2 / math.pi), 0.044715  # of the approximation that gelu is by default
    t = jnp.tanh(inner * x * (1 + cubic * x * x))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner * (1 + 3 * cubic * x * x)
