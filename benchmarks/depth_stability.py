"""What the skip of a residual block should do to its branch, from 4 to 1024 layers.

    python benchmarks/depth_stability.py

Two tables. At initialisation, with random unit inputs: the size of a contrastive critic's logits,
its first InfoNCE loss and the norm of its gradient. After 200 Adam steps on a small task (which of
256 points is the future of this random walk?): the share of walks whose future is found.
"""

import argparse
import platform
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from components.energies.similarities import NegativeL2
from components.losses.contrastive import InfoNCE
from components.losses.contrastive_objectives import contrastive_metrics, info_nce
from components.networks import ResidualMLP
from components.networks.residual_blocks import fold_blocks

BATCH, EMBEDDING, DIMENSIONS = 256, 64, 8


class Variant(NamedTuple):
    """x <- x + gain * block(x): the first gain of each block, and whether it is trained."""

    gain: str
    trained: bool


VARIANTS = {
    "plain skip": Variant("one", False),
    "branch / sqrt(blocks)": Variant("inverse root", False),
    "branch / blocks": Variant("inverse", False),
    "trained gain, from 0": Variant("zero", True),
    "trained gain, from 1 / sqrt(blocks)": Variant("inverse root", True),
    "trained gain, from 1 / blocks": Variant("inverse", True),
}


def first_gain(rule: str, blocks: int) -> float:
    """Return the gain of every block at initialisation."""
    return {"one": 1.0, "inverse root": blocks**-0.5, "inverse": 1 / blocks, "zero": 0.0}[rule]


class GainedMLP(eqx.Module):
    """A residual network whose branches are multiplied by one gain per block."""

    network: ResidualMLP
    gains: jax.Array
    trained: bool = eqx.field(static=True)

    def __init__(self, variant: Variant, width: int, depth: int, in_size: int, key):
        self.network = ResidualMLP(width, depth, in_size=in_size, out_size=EMBEDDING, key=key)
        self.gains = jnp.full(depth // 4, first_gain(variant.gain, depth // 4))
        self.trained = variant.trained

    def __call__(self, x):
        gains = self.gains if self.trained else jax.lax.stop_gradient(self.gains)
        net = self.network
        x = fold_blocks(lambda x, b: x + b[1] * b[0](x), (net.blocks, gains), net.input(x))
        return net.output(x)


def init_encoders(variant: Variant, width: int, depth: int, key) -> list[GainedMLP]:
    """Initialise the two encoders of a critic."""
    sizes = (2 * DIMENSIONS, DIMENSIONS)
    keys = jax.random.split(key, 2)
    return [GainedMLP(variant, width, depth, n, k) for n, k in zip(sizes, keys, strict=True)]


def critic_logits(pair, xs, ys):
    """Return the energies of two encoders, (B, B)."""
    return NegativeL2().pairwise(jax.vmap(pair[0])(xs), jax.vmap(pair[1])(ys))


def unit_vectors(key, size: int):
    """Draw random directions, (B, size)."""
    x = jax.random.normal(key, (BATCH, size))
    return x / jnp.linalg.norm(x, axis=1, keepdims=True)


@eqx.filter_jit
def measure_initialisation(pair, key):
    """Measure a critic on random unit inputs.

    Returns:
        Mean and row spread of the logits, InfoNCE without and with its penalty, and the norm of the
        gradient of InfoNCE without it.
    """
    x_key, y_key = jax.random.split(key)
    xs, ys = unit_vectors(x_key, 2 * DIMENSIONS), unit_vectors(y_key, DIMENSIONS)
    f = critic_logits(pair, xs, ys)
    loss, gradient = eqx.filter_value_and_grad(lambda p: info_nce(critic_logits(p, xs, ys)))(pair)
    spread, penalised = jnp.mean(jnp.std(f, axis=1)), InfoNCE().objective(f)
    return jnp.mean(f), spread, loss, penalised, optax.global_norm(gradient)


def random_walks(key):
    """Draw states with their first step, (B, 2 d), and a point of the future of each, (B, d)."""
    state_key, step_key, length_key, rest_key = jax.random.split(key, 4)
    shape = (BATCH, DIMENSIONS)
    states = jax.random.uniform(state_key, shape, minval=-1, maxval=1)
    steps = 0.1 * jax.random.normal(step_key, shape)
    lengths = jax.random.geometric(length_key, 0.1, (BATCH, 1)) - 1.0
    rest = 0.1 * jnp.sqrt(lengths) * jax.random.normal(rest_key, shape)
    return jnp.concatenate([states, steps], axis=1), states + steps + rest


@eqx.filter_jit
def train_critic(pair, key, steps: int):
    """Train by Adam at 3e-4 on InfoNCE with its penalty; return accuracy on a fresh batch."""
    optimiser, objective = optax.adam(3e-4), InfoNCE().objective
    params, static = eqx.partition(pair, eqx.is_inexact_array)

    def score(params, key):
        return critic_logits(eqx.combine(params, static), *random_walks(key))

    def step(carry, key):
        params, state = carry
        gradient = jax.grad(lambda p: objective(score(p, key)))(params)
        updates, state = optimiser.update(gradient, state)
        return (optax.apply_updates(params, updates), state), None

    *keys, last = jax.random.split(key, steps + 1)
    (params, _), _ = jax.lax.scan(step, (params, optimiser.init(params)), jnp.stack(keys))
    return contrastive_metrics(score(params, last))["categorical_accuracy"]


def accuracies(variant: Variant, width: int, depth: int, steps: int, seeds: int) -> list[float]:
    """Train a critic for each seed and return their accuracies."""
    keys = [jax.random.key(seed) for seed in range(seeds)]
    pairs = (init_encoders(variant, width, depth, key) for key in keys)
    return [float(train_critic(p, key, steps)) for p, key in zip(pairs, keys, strict=True)]


def print_initialisation(depths: list[int], width: int) -> None:
    """Print the first table."""
    columns = "depth | mean logit | spread | InfoNCE | with penalty | gradient"
    print(f"\n| at initialisation, width {width} | {columns} |")
    print("|---" * 7 + "|")
    for name, variant in VARIANTS.items():
        for depth in depths:
            pair = init_encoders(variant, width, depth, jax.random.key(0))
            numbers = measure_initialisation(pair, jax.random.key(1))
            cells = " | ".join(f"{float(x):.2f}" for x in numbers)
            print(f"| {name} | {depth} | {cells} |", flush=True)


def print_training(depths: list[int], width: int, steps: int, seeds: int) -> None:
    """Print the second table."""
    columns = " | ".join(f"depth {d}" for d in depths)
    print(f"\n| accuracy after {steps} steps, width {width}, {seeds} seeds | {columns} |")
    print("|---" * (len(depths) + 1) + "|")
    for name, variant in VARIANTS.items():
        cells = []
        for depth in depths:
            scores = accuracies(variant, width, depth, steps, seeds)
            cells.append(f"{np.mean(scores):.2f} ({min(scores):.2f} to {max(scores):.2f})")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Read the command line and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depths", type=int, nargs="+", default=[4, 64, 256, 1024])
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--train-depths", type=int, nargs="+", default=[4, 64, 256])
    parser.add_argument("--train-width", type=int, default=64)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    print(f"jax {jax.__version__}, {jax.devices()[0].device_kind}, {platform.machine()}")
    print_initialisation(options.depths, options.width)
    print_training(options.train_depths, options.train_width, options.steps, options.seeds)


if __name__ == "__main__":
    main()
