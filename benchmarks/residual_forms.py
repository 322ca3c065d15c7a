"""How a deep residual network is best written down: time, memory and compile time of each form.

    python benchmarks/residual_forms.py --depths 4 16 64 256

Every form computes the same function: a contrastive critic of two encoders, value and gradient of
its InfoNCE loss. Forms take turns within each round; the table gives the median over rounds of the
time divided by that of the plain unrolled network in the same round, the median and the best time.
Then the chosen form is compiled at depth 4 and 1024, in turns.
"""

import argparse
import platform
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from components.energies.similarities import NegativeL2
from components.losses.contrastive_objectives import info_nce
from components.networks import ResidualMLP
from components.networks.layers import DENSE_OUTPUT, Dense

WIDTH, EMBEDDING = 256, 64


class TransposedDense(eqx.Module):
    """`Dense` with its weight stored (out, in)."""

    weight: jax.Array
    bias: jax.Array

    def __call__(self, x):
        y = jax.lax.dot_general(x, self.weight, (((0,), (1,)), ((), ())))
        return jax.ad_checkpoint.checkpoint_name(y + self.bias, DENSE_OUTPUT)


def transpose_weights(network):
    """Return the same network with every weight stored (out, in)."""

    def convert(x):
        if not isinstance(x, Dense):
            return x
        return TransposedDense(jnp.swapaxes(x.weight, -1, -2), x.bias)

    return jax.tree.map(convert, network, is_leaf=lambda x: isinstance(x, Dense))


def add_block(x, block):
    """Apply one residual block and add its skip."""
    return x + block(x)


def fold_unrolled(blocks, x):
    """Apply separate blocks in a Python loop; the backward pass keeps everything."""
    for block in blocks:
        x = add_block(x, block)
    return x


def scan_fold(policy: Any = None, recompute: bool = True, unroll: int = 1):
    """Make a fold by `lax.scan`.

    Args:
        policy: what the backward pass keeps.
        recompute: whether it recomputes the rest; otherwise everything is kept.
        unroll: blocks per step of the scan.
    """
    step = jax.checkpoint(add_block, policy=policy, prevent_cse=False) if recompute else add_block

    def fold(blocks, x):
        return jax.lax.scan(lambda x, block: (step(x, block), None), x, blocks, unroll=unroll)[0]

    return fold


def list_blocks(network):
    """Return the same network with its stacked blocks as a list."""
    count = network.depth // 4
    blocks = [jax.tree.map(lambda a, i=i: a[i], network.blocks) for i in range(count)]
    return eqx.tree_at(lambda n: n.blocks, network, blocks)


def keep_network(network):
    """Return the network as the library makes it."""
    return network


class Form(NamedTuple):
    """A way to lay parameters out and a way to run the blocks."""

    prepare: Callable
    fold: Callable


policies = jax.checkpoint_policies
dense_outputs = policies.save_only_these_names(DENSE_OUTPUT)
FORMS = {
    "unrolled": Form(list_blocks, fold_unrolled),
    "scan": Form(keep_network, scan_fold(recompute=False)),
    "scan, keep block inputs": Form(keep_network, scan_fold()),
    "scan, keep matrix products": Form(keep_network, scan_fold(policies.dots_saveable)),
    "scan, keep dense outputs": Form(keep_network, scan_fold(dense_outputs)),
    "  unroll 2": Form(keep_network, scan_fold(dense_outputs, unroll=2)),
    "  unroll 4": Form(keep_network, scan_fold(dense_outputs, unroll=4)),
    "  weights (out, in)": Form(transpose_weights, scan_fold(dense_outputs)),
}


class Measured(NamedTuple):
    """A compiled form."""

    run: Callable
    compile_seconds: float
    mebibytes: float


def critic_loss(encoders, fold, states, goals):
    """Return the InfoNCE loss of two encoders whose blocks `fold` runs."""

    def embed(encoder, x):
        return encoder.output(fold(encoder.blocks, encoder.input(x)))

    xs = jax.vmap(lambda x: embed(encoders[0], x))(states)
    ys = jax.vmap(lambda y: embed(encoders[1], y))(goals)
    return info_nce(NegativeL2().pairwise(xs, ys))


def compile_form(form: Form, depth: int, batch: int) -> Measured:
    """Compile one form and say what that took."""
    keys = jax.random.split(jax.random.key(0), 4)
    encoders = [
        form.prepare(ResidualMLP(WIDTH, depth, in_size=32, out_size=EMBEDDING, key=k))
        for k in keys[:2]
    ]
    inputs = [jax.random.normal(k, (batch, 32)) for k in keys[2:]]
    step = eqx.filter_jit(
        eqx.filter_value_and_grad(lambda e, xs, ys: critic_loss(e, form.fold, xs, ys))
    )
    start = time.perf_counter()
    compiled = step.lower(encoders, *inputs).compile()
    seconds = time.perf_counter() - start
    memory = compiled.compiled.memory_analysis().temp_size_in_bytes / 2**20
    return Measured(lambda: jax.block_until_ready(compiled(encoders, *inputs)), seconds, memory)


def take_turns(forms: list[Measured], rounds: int) -> np.ndarray:
    """Return the seconds of each form in each round, (rounds, forms), after one to warm up."""
    seconds = np.zeros((rounds + 1, len(forms)))
    for row in seconds:
        for i, form in enumerate(forms):
            start = time.perf_counter()
            form.run()
            row[i] = time.perf_counter() - start
    return seconds[1:]


def print_forms(depth: int, batch: int, rounds: int, names: list[str]) -> None:
    """Print one table."""
    forms = [compile_form(FORMS[name], depth, batch) for name in names]
    seconds = take_turns(forms, rounds)
    columns = [
        np.median(seconds / seconds[:, :1], axis=0),
        1e3 * np.median(seconds, axis=0),
        1e3 * np.min(seconds, axis=0),
    ]
    print(f"\ndepth {depth}, width {WIDTH}, batch {batch}")
    print(f"{'form':28} {'ratio':>6} {'ms':>8} {'best ms':>8} {'MiB':>8} {'compile s':>10}")
    for name, form, ratio, ms, best in zip(names, forms, *columns, strict=True):
        row = f"{name:28} {ratio:6.2f} {ms:8.1f} {best:8.1f}"
        print(f"{row} {form.mebibytes:8.1f} {form.compile_seconds:10.1f}", flush=True)


def print_compile_ratio(batch: int, rounds: int) -> None:
    """Print how much longer depth 1024 takes to compile than depth 4."""
    form = FORMS["scan, keep dense outputs"]
    seconds = np.array(
        [[compile_form(form, d, batch).compile_seconds for d in (4, 1024)] for _ in range(rounds)]
    )
    short, long = np.median(seconds, axis=0)
    print(f"\ncompile: depth 4 {short:.1f} s, depth 1024 {long:.1f} s, ratio {long / short:.2f}")


def main() -> None:
    """Read the command line and print a table for each depth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depths", type=int, nargs="+", default=[4, 16, 64, 256])
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--forms", nargs="+", default=list(FORMS), choices=list(FORMS))
    options = parser.parse_args()
    print(f"jax {jax.__version__}, {jax.devices()[0].device_kind}, {platform.processor()}")
    for depth in options.depths:
        print_forms(depth, options.batch, options.rounds, options.forms)
    print_compile_ratio(options.batch, 3)


if __name__ == "__main__":
    main()
