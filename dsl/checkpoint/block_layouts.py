"""Reads the blocks of a residual network in the layout of the other kind of device.

A GPU has them packed into two arrays, a CPU stacked by layer of a block, as every device did in
earlier versions.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from components.networks.layers import LAYERS_PER_BLOCK

# Of a layer in a block: its weights, and its vectors in the order in which they are packed.
_WEIGHTS, *_VECTORS = "dense.weight", "dense.bias", "norm.weight", "norm.bias"


def convert_blocks(arrays: Mapping[str, Any], expected: Collection[str]) -> dict[str, Any]:
    """Return arrays with blocks packed or stacked as expected; the rest stays as it is.

    Args:
        arrays: by name: `blocks.weights` (..., layers, width, width) and `blocks.vectors` (...,
            layers, v, width), or `blocks.layers.0.dense.weight` (..., blocks, width, width) and so
            on. Axes in front are of networks that are trained together.
        expected: names in the state that they are read into.
    """
    converted = dict(arrays)
    for name in set(expected) - set(arrays):
        if name.endswith("blocks.weights"):
            _pack(converted, name.removesuffix("weights"))
        elif name.endswith(f"blocks.layers.0.{_WEIGHTS}"):
            _stack(converted, name.removesuffix(f"layers.0.{_WEIGHTS}"))
    return converted


def _pack(arrays: dict[str, Any], place: str) -> None:
    """Replace stacked blocks by packed ones, if they are there."""
    kinds = [kind for kind in (_WEIGHTS, *_VECTORS) if f"{place}layers.0.{kind}" in arrays]
    names = [[f"{place}layers.{i}.{kind}" for kind in kinds] for i in range(LAYERS_PER_BLOCK)]
    if len(kinds) < 2 or not {name for layer in names for name in layer} <= arrays.keys():
        return
    layers = [[arrays.pop(name) for name in layer] for layer in names]
    vectors = [np.stack(of_layer, axis=-2) for _, *of_layer in layers]
    packed = {"weights": [weight for weight, *_ in layers], "vectors": vectors}
    for name, by_layer in packed.items():
        array = np.stack(by_layer, axis=-3)
        arrays[f"{place}{name}"] = array.reshape(*array.shape[:-4], -1, *array.shape[-2:])


def _stack(arrays: dict[str, Any], place: str) -> None:
    """Replace packed blocks by stacked ones, if they are there."""
    names = [f"{place}weights", f"{place}vectors"]
    if not set(names) <= arrays.keys():
        return
    weights, vectors = (arrays.pop(name) for name in names)
    for i in range(LAYERS_PER_BLOCK):
        arrays[f"{place}layers.{i}.{_WEIGHTS}"] = weights[..., i::LAYERS_PER_BLOCK, :, :]
        for j in range(vectors.shape[-2]):
            array = vectors[..., i::LAYERS_PER_BLOCK, j, :]
            arrays[f"{place}layers.{i}.{_VECTORS[j]}"] = array
