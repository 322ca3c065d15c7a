"""Checks that losses fit the actor and critic they train, by the annotations of the losses.

A loss annotates the parameters `actor`, `critic` and `frozen` of its `__call__` with classes of
`components.protocols`, and so does a rule that selects actions. Reading them gives a short reason
before anything is traced; without it JAX would fail inside the loss, far from the wrong setting.
"""

import inspect
import typing
from typing import Any, TypeVar

import equinox as eqx

from components.constraints import SettingError
from components.protocols import StopGradNetworks

Module = TypeVar("Module")


def require_fit(setting: str, user: Any, **networks: eqx.Module | None) -> None:
    """Refuse a loss, or another user of networks, that needs networks of another class.

    Args:
        setting: name of the setting that holds `user`.
        user: object whose `__call__` takes networks; None needs none.
        networks: the learner's `actor` and `critic`.

    Raises:
        SettingError: a network is missing, or is not of the class that `user` needs.
    """
    for name, needed in needed_classes(user).items():
        if problem := explain_mismatch(needed, networks.get(name)):
            raise SettingError(setting, f"is {type(user).__name__}; its {name} must be {problem}")


def require_class(name: str, network: Module, needed: type) -> Module:
    """Return the network that the plan in setting `name` made, if it is of class `needed`.

    Raises:
        SettingError: it is not.
    """
    if problem := explain_mismatch(needed, network):
        raise SettingError(name, f"must be {problem}")
    return network


def needed_classes(user: Any) -> dict[str, type]:
    """Return the classes that `user.__call__` annotates, by network: `actor` and `critic`.

    Networks without a class (`Any`, or no such parameter) are not listed.
    """
    if user is None:
        return {}
    hints = typing.get_type_hints(type(user).__call__)
    frozen = hints.get("frozen")
    needed = {}
    if typing.get_origin(frozen) is StopGradNetworks:
        needed.update(zip(("actor", "critic"), typing.get_args(frozen), strict=True))
    needed |= {name: hints[name] for name in ("actor", "critic") if name in hints}
    # In Python 3.11 `Any` is a class too.
    return {n: hint for n, hint in needed.items() if inspect.isclass(hint) and hint is not Any}


def explain_mismatch(needed: type, network: Any) -> str | None:
    """Return the class that was needed, found, and would fit; None if the network is of it."""
    if isinstance(network, needed):
        return None
    article = "an" if needed.__name__[0] in "AEIOU" else "a"
    found = "there is none" if network is None else f"{type(network).__name__} is none"
    fitting = ", ".join(sorted(_implementations(needed)))
    advice = f" Classes that fit: {fitting}." if fitting else ""
    return f"{article} {needed.__name__}, but {found}.{advice}"


def _implementations(abstract: type) -> set[str]:
    """Return the names of all classes below `abstract` that can be built."""
    found = set() if inspect.isabstract(abstract) else {abstract.__name__}
    return found.union(*(_implementations(child) for child in abstract.__subclasses__()))
