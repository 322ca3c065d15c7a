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
    for name, needed in needed_classes(type(user)).items():
        if problem := explain_mismatch(needed, _class_of(networks.get(name))):
            raise SettingError(setting, f"is {type(user).__name__}; its {name} must be {problem}")


def require_class(name: str, network: Module, needed: type) -> Module:
    """Return the network that the plan in setting `name` made, if it is of class `needed`.

    Raises:
        SettingError: it is not.
    """
    if problem := explain_mismatch(needed, _class_of(network)):
        raise SettingError(name, f"must be {problem}")
    return network


def needed_classes(user: type) -> dict[str, type]:
    """Return the classes that `user.__call__` annotates, by network: `actor` and `critic`.

    Networks without a class (`Any`, or no such parameter) are not listed.
    """
    call = inspect.unwrap(getattr(user, "__call__", object.__init__))  # noqa: B004
    hints = typing.get_type_hints(call) if inspect.isfunction(call) else {}
    frozen = hints.get("frozen")
    needed = {}
    if typing.get_origin(frozen) is StopGradNetworks:
        needed.update(zip(("actor", "critic"), typing.get_args(frozen), strict=True))
    needed |= {name: hints[name] for name in ("actor", "critic") if name in hints}
    # In Python 3.11 `Any` is a class too.
    return {n: hint for n, hint in needed.items() if inspect.isclass(hint) and hint is not Any}


def explain_mismatch(needed: type, found: type | None) -> str | None:
    """Say which class is needed, which was found and which would fit; return None if it fits.

    Args:
        needed: class of `components.protocols`.
        found: class of the network; None if there is no network.
    """
    if found is not None and issubclass(found, needed):
        return None
    article = "an" if needed.__name__[0] in "AEIOU" else "a"
    instead = "there is none" if found is None else f"{found.__name__} is not one"
    fitting = ", ".join(sorted(_implementations(needed)))
    advice = f" Classes that fit: {fitting}." if fitting else ""
    return f"{article} {needed.__name__}, but {instead}.{advice}"


def _class_of(network: Any) -> type | None:
    return None if network is None else type(network)


def _implementations(abstract: type) -> set[str]:
    """Return the names of all classes below `abstract` that can be built."""
    found = set() if inspect.isabstract(abstract) else {abstract.__name__}
    return found.union(*(_implementations(child) for child in abstract.__subclasses__()))
