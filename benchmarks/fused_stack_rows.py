"""Lists what `fused_stack.py` measures."""

from typing import Any

PRECISIONS = ("tf32", "bfloat16", "float32", "tf32x3")


def stack_rows(small: bool) -> list[tuple[str, dict]]:
    """Return the kind and settings of every row, most valuable first."""
    if small:
        sizes = {"depth": 8, "width": 64, "batch": 20}
        checks = [_check(precision=p, **sizes) for p in PRECISIONS]
        times = [_time(kernel=k, **sizes) for k in ("fused", "xla")]
        return [*checks, _check(depth=8, width=64, batch=20, normalise=False), *times]
    return [
        *[_check(precision=p) for p in PRECISIONS[:3]],
        *[_time(precision=p) for p in PRECISIONS[:3]],
        *[_time(depth=1024, precision=p) for p in PRECISIONS[:2]],
        *[_time(warps=w, stages=s) for w, s in ((4, 3), (8, 2), (8, 4), (4, 4), (4, 2))],
        _time(kernel="xla"),
        *[_time(precision="bfloat16", warps=w, stages=s) for w, s in ((4, 3), (8, 4), (4, 4))],
        *[_check(activation=name) for name in ("relu", "gelu")],
        *[_check(depth=8, width=w, batch=100) for w in (64, 128, 512)],
        *[_check(normalise=False, depth=16), _check(skip_every=1, depth=16), _check(skip_every=0)],
        _check(depth=1024, batch=64, precision="float32"),
        *[_time(depth=d) for d in (4, 16, 256)],
        _time(kernel="xla", precision="bfloat16"),
        *[_time(kernel="xla", depth=d) for d in (4, 16, 1024, 256)],
        *[_time(rows=32, warps=w, precision=p) for p in PRECISIONS[:2] for w in (4, 8)],
        *[_time(batch=2048, rows=r) for r in (16, 32)],
        _check(precision="tf32x3"),
        _time(precision="tf32x3"),
        _time(depth=1024, precision="float32"),
        *[_time(precision="bfloat16", warps=w, stages=2) for w in (4, 8)],
        *[_time(kernel="xla", depth=1024, precision=p) for p in ("bfloat16", "float32")],
        _time(kernel="xla", precision="float32"),
    ]


def mosaic_rows() -> list[tuple[str, dict]]:
    """Return those rows that kernels of Mosaic GPU take, which are divided in one way alone."""
    divided = {"rows": 16, "warps": 8, "stages": 3}
    return [
        (kind, {**row, "kernel": "mosaic"})
        for kind, row in stack_rows(small=False)
        if row.get("kernel") != "xla"
        and row["precision"] in PRECISIONS[:2]
        and row["width"] % 128 == 0
        and (kind == "check" or divided.items() <= row.items())
    ]


def _check(**changed: Any) -> tuple[str, dict]:
    usual = {"depth": 64, "width": 256, "batch": 512, "precision": "tf32", "activation": "swish"}
    return "check", {**usual, "normalise": True, "skip_every": 4, **changed}


def _time(**changed: Any) -> tuple[str, dict]:
    sizes = {"kernel": "fused", "depth": 64, "width": 256, "batch": 512, "precision": "tf32"}
    return "time", {**sizes, "rows": 16, "warps": 8, "stages": 3, **changed}
