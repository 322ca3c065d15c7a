"""Fused kernels of residual stacks on one card: are they right, and what do they save.

    python benchmarks/fused_stack.py --out fused_stack.json --seconds 330
    python benchmarks/fused_stack.py --out rehearsal.json --small     # interpreted, on a CPU
    python benchmarks/fused_stack.py --out mosaic.json --kernel mosaic

First values and gradients against float64, of the fused form and of the plain one: relative L2
errors, OK where the fused form's is at most 1.1 times the plain one's. Then the time of value and
gradient, of two networks at once, for input, weights and vectors: the median of several rounds of
queued calls on inputs that take turns. Rows come in the order of their value and are written as
they are measured; none is begun after the given seconds. It needs jax, equinox, optax, jaxtyping
and lazy-loader only.
"""

import argparse
import functools
import itertools
import json
import statistics
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from fused_stack_rows import mosaic_rows, stack_rows

from components.networks.residual_stack import residual_stack
from components.networks.stack_form import EPSILON, StackForm, Tile

NETS, ROUNDS, WARM_UPS, INPUTS = 2, 7, 3, 3
ALLOWED, NOISE = 1.1, 5e-7
NAMES = ("y", "dx", "dw", "dv")


def main() -> None:
    """Measure row after row."""
    options = _arguments()
    begun, report = time.time(), {"device": str(jax.devices()[0]), "jax": jax.__version__}
    report["rows"] = []
    rows = mosaic_rows() if options.kernel == "mosaic" else stack_rows(options.small)
    for kind, row in rows:
        if options.parts and kind not in options.parts:
            continue
        if time.time() - begun > options.seconds:
            print(f"stopped after {options.seconds} s")
            break
        report["rows"].append({"kind": kind, **row, **measure_row(kind, row)})
        print(json.dumps(report["rows"][-1]), flush=True)
        options.out.write_text(json.dumps(report, indent=1))
    wrong = [row for row in report["rows"] if row.get("verdict") == "FAIL"]
    print(f"{len(report['rows'])} rows, {len(wrong)} FAIL, {time.time() - begun:.0f} s")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=330)
    parser.add_argument("--parts", nargs="*", choices=("check", "time"))
    parser.add_argument("--small", action="store_true", help="a few small rows")
    parser.add_argument(
        "--kernel", choices=("fused", "mosaic"), default="fused", help="mosaic: a Hopper GPU alone"
    )
    return parser.parse_args()


def measure_row(kind: str, row: dict) -> dict:
    """Return the outcome of a row, or why it failed; a failure costs the other rows nothing."""
    try:
        return {"check": _errors, "time": _times}[kind](**row)
    except Exception as error:
        return {"verdict": "FAIL", "error": f"{type(error).__name__}: {error}"[:2000]}


def _form(kernel: str, precision: str, **settings: Any) -> StackForm:
    usual = {"activation": jax.nn.swish, "skip_every": 4, "branch_scale": 1.0}
    form = StackForm(**{**usual, **settings}, precision=precision, fused=kernel != "xla")
    if kernel == "mosaic":
        form = form._replace(pallas="mosaic")
    return form._replace(interpret=form.fused and jax.default_backend() == "cpu")


def _arrays(depth: int, width: int, batch: int, normalise: bool = True) -> tuple[np.ndarray, ...]:
    """Draw input, weights, vectors and a direction of the output, of two networks."""
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.standard_normal((NETS, *shape), np.float32)  # noqa: E731
    vectors = 0.1 * draw(depth, 3 if normalise else 1, width)
    vectors[:, :, 1:2] += 1
    weights = draw(depth, width, width) / np.float32(np.sqrt(width if normalise else 4 * width))
    return draw(batch, width), weights, vectors, draw(batch, width)


def _gradients(stack, x, weights, vectors, direction):
    """Return outputs, and gradients of their product with a direction."""
    y, pull = jax.vjp(stack, x, weights, vectors)
    return y, *pull(direction)


def _over_networks(form: StackForm):
    def one(x, weights, vectors):
        return jax.vmap(lambda x: residual_stack(x, weights, vectors, form))(x)

    return jax.vmap(one)


def _reference(x, weights, vectors, form: StackForm):
    """Apply the stack as it is defined, layer by layer, for one network."""
    last = (np.arange(weights.shape[0]) + 1) % (form.skip_every or weights.shape[0] + 1) == 0

    def layer(carry, parameters):
        h, skip = carry
        w, v, is_last = parameters
        z = jnp.matmul(h, w, precision="highest") + v[0]
        if v.shape[0] == 3:
            variance = jnp.var(z, axis=1, keepdims=True)
            z = (z - jnp.mean(z, axis=1, keepdims=True)) / jnp.sqrt(variance + EPSILON)
            z = z * v[1] + v[2]
        out = form.activation(z)
        h = jnp.where(is_last, skip + form.branch_scale * out, out)
        return (h, jnp.where(is_last, h, skip)), None

    return jax.lax.scan(layer, (x, x), (weights, vectors, last))[0][0]


def _errors(
    depth: int,
    width: int,
    batch: int,
    precision: str,
    activation: str,
    normalise: bool,
    skip_every: int,
    kernel: str = "fused",
) -> dict:
    """Return relative L2 errors of both forms against float64."""
    arrays = _arrays(depth, width, batch, normalise)
    settings = {"activation": getattr(jax.nn, activation), "skip_every": skip_every}
    forms = {k: _form(k, precision, **settings) for k in (kernel, "xla")}
    with jax.enable_x64(True):
        stack = jax.vmap(functools.partial(_reference, form=forms["xla"]))
        exact = jax.jit(functools.partial(_gradients, stack))(*map(np.float64, arrays))
        exact = [np.asarray(a) for a in exact]
    found = {}
    for name, form in forms.items():
        got = jax.jit(functools.partial(_gradients, _over_networks(form)))(*arrays)
        found[name] = [
            float(np.linalg.norm(np.asarray(a) - b) / np.linalg.norm(b))
            for a, b in zip(got, exact, strict=True)
        ]
    pairs = list(zip(found[kernel], found["xla"], strict=True))
    right = all(ours <= max(ALLOWED * plain, NOISE) for ours, plain in pairs)
    return {"verdict": "OK" if right else "FAIL", "of": NAMES, **found}


def _times(
    kernel: str,
    depth: int,
    width: int,
    batch: int,
    precision: str,
    rows: int,
    warps: int,
    stages: int,
) -> dict:
    """Return seconds to compile, milliseconds of both passes, and microseconds per layer."""
    form = _form(kernel, precision, tile=Tile(rows, warps, stages))
    x, *others = (jax.device_put(a) for a in _arrays(depth, width, batch))
    inputs = itertools.cycle([x * (1 + 0.1 * i) for i in range(INPUTS)])
    begun = time.time()
    stack = functools.partial(_gradients, _over_networks(form))
    call = jax.jit(stack).lower(x, *others).compile()
    compile_seconds = time.time() - begun
    calls = max(1, min(20, 2048 // depth))
    for _ in range(WARM_UPS):
        jax.block_until_ready(call(next(inputs), *others))
    seconds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for _ in range(calls):
            out = call(next(inputs), *others)
        jax.block_until_ready(out)
        seconds.append((time.perf_counter() - begun) / calls)
    milliseconds = 1000 * statistics.median(seconds)
    return {
        "compile_s": round(compile_seconds, 2),
        "ms": round(milliseconds, 4),
        "best_ms": round(1000 * min(seconds), 4),
        "us_per_layer": round(1000 * milliseconds / depth, 3),
    }


if __name__ == "__main__":
    main()
