"""Find losses, and other users of networks, that need a network of another class than they get.

The learner itself says so when it is built; here the reason is given with the line, before anything
is built.
"""

import inspect
from collections.abc import Iterator
from typing import Any

from components.compatibility import explain_mismatch, needed_classes
from dsl.language.bindings import BindingTable
from dsl.language.graph import ConfigGraph, ConfigNode
from dsl.language.problems import Location, Problem
from dsl.language.registry import Vocabulary
from dsl.language.values import Reference
from dsl.language.word import Word


def fit_problems(
    graph: ConfigGraph, table: BindingTable, vocabulary: Vocabulary, file: Location
) -> Iterator[Problem]:
    """Yield settings whose word cannot use the networks that stand beside it.

    The class that a word needs is what the `__call__` of its class annotates, as described in
    `components.compatibility`; the class of a network is that which its word makes.
    """
    for node in graph.nodes.values():
        for setting in node.word.settings:
            user = _class_at(node, setting, vocabulary)
            if user is None:
                continue
            for network, needed in _needs(user).items():
                if problem := _mismatch(node, network, needed, vocabulary):
                    text = f"is {user.__name__}; its {network} must be {problem}"
                    yield _located(node, (setting, network), text, table, file)


def _needs(user: type) -> dict[str, type]:
    try:
        return needed_classes(user)
    except NameError:  # a type that is imported for the type checker alone
        return {}


def _mismatch(node: ConfigNode, network: str, needed: type, vocabulary: Vocabulary) -> str | None:
    """Return why the network of that name does not fit; None if it does, or nothing is known."""
    if network not in node.word.settings:
        return None
    value = node.value(network)
    if value is None:
        return explain_mismatch(needed, None)
    word = vocabulary.words.get(value.word) if isinstance(value, Reference) else None
    if word is None or word.made is None or _may_make(word, needed):
        return None
    return explain_mismatch(needed, word.made)


def _may_make(word: Word, needed: type) -> bool:
    # A function may promise less than it gives.
    return not inspect.isclass(word.target) and issubclass(needed, word.made or object)


def _class_at(node: ConfigNode, setting: str, vocabulary: Vocabulary) -> type | None:
    """Return the class of what stands in a setting; None if it is not known."""
    value: Any = node.value(setting)
    if isinstance(value, Reference):
        word = vocabulary.words.get(value.word)
        return None if word is None or word.is_partial else word.made
    return None if value is None or inspect.isclass(value) else type(value)


def _located(
    node: ConfigNode,
    settings: tuple[str, str],
    text: str,
    table: BindingTable,
    file: Location,
) -> Problem:
    """Return the problem at the user's line, at the network's if the user is a default."""
    user, network = settings
    if user in node.bindings:
        return table.value_problem(node.bindings[user], text)
    place = node.bindings.get(network) or node.builder
    location = table.origin(place).location if place else file
    return Problem(location, f"{node.subject}.{user} {text}")
