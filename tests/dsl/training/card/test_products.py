"""Operations of matrix products, counted by hand."""

import functools

import jax
import jax.numpy as jnp
import pytest

from components.networks.residual_stack import residual_stack
from components.networks.stack_form import StackForm
from dsl.training.card.products import count_products


def counted(function, *shapes):
    arguments = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    return count_products(jax.make_jaxpr(function)(*arguments).jaxpr)


@pytest.mark.parametrize(
    ("precision", "name"), [(None, "tf32"), ("highest", "float32"), ("high", "tf32x3")]
)
def test_a_product_by_its_precision(precision, name):
    product = functools.partial(jnp.matmul, precision=precision)
    assert counted(product, (3, 5), (5, 7)) == {name: 2 * 3 * 5 * 7}


def test_a_product_in_bfloat16():
    def product(a, b):
        return a.astype("bfloat16") @ b.astype("bfloat16")

    assert counted(product, (3, 5), (5, 7)) == {"bfloat16": 210}


def test_a_loop_counts_its_rounds_and_a_choice_its_dearest_branch():
    def function(a):
        def step(carry, _):
            return jax.lax.cond(carry[0, 0] > 0, lambda x: x @ x @ x, lambda x: x @ x, carry), None

        return jax.lax.scan(step, a, None, length=6)

    assert counted(function, (4, 4)) == {"tf32": 6 * 2 * 2 * 4**3}


def test_a_stack_and_its_derivative():
    batch, width, layers = 16, 8, 12
    form = StackForm(jax.nn.swish, 4, 1.0, "bfloat16", fused=True)

    def loss(weights, vectors, xs):
        return jnp.sum(jax.vmap(lambda x: residual_stack(x, weights, vectors, form))(xs))

    found = counted(jax.grad(loss), (layers, width, width), (layers, 3, width), (batch, width))
    # One product forward, one for the gradient by the input, one for that by the weights.
    assert found == {"bfloat16": 3 * layers * 2 * batch * width**2}
