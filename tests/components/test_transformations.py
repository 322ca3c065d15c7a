"""Losses and energies give the same values however JAX transforms them.

`dsl/loop/test_sharding.py` splits them over two devices. `chex.variants` has no `vmap`, and its
other transformations need a `TestCase` of their own.
"""

import chex
import jax
import jax.numpy as jnp
import pytest
from word_values import EXPECTED, some_networks, some_numbers, word_values

from dsl.language.registry import default_vocabulary


def others(tree):
    """Other numbers of the same shapes."""
    return jax.tree.map(lambda x: 0.5 - x, tree)


def mapped(numbers, networks):
    """The first of two batches that are computed side by side, with networks of their own."""
    both = jax.tree.map(lambda *x: jnp.stack(x), (numbers, networks), others((numbers, networks)))
    found = jax.jit(jax.vmap(word_values))(*both)
    first, second = (jax.tree.map(lambda x, i=i: x[i], found) for i in range(2))
    alone = word_values(*others((numbers, networks)))
    chex.assert_trees_all_close(second, alone, rtol=1e-5, atol=1e-5)
    return first


@pytest.mark.parametrize(
    "variant", [word_values, jax.jit(word_values), mapped], ids=["without_jit", "jit", "vmap"]
)
def test_values_are_the_same_under_every_transformation(variant):
    found = variant(some_numbers(), some_networks())
    chex.assert_trees_all_close(found, EXPECTED, rtol=1e-5, atol=1e-5)


def test_every_word_is_among_them():
    members = default_vocabulary().members
    words = [*members("loss"), *members("actor_loss"), *members("energy")]
    assert EXPECTED.keys() == {word.partition(".")[2] for word in words}
