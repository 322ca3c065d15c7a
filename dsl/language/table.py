"""Which value a macro or setting has in the end, and which it had on the way."""

from collections.abc import Iterable
from typing import Any

from dsl.language.statements import Binding, Key
from dsl.language.values import MacroRef, replace_leaves


class BindingTable:
    """Bindings by what they set, in the order they apply; the last one counts."""

    def __init__(self, bindings: Iterable[Binding]):
        """Args:
        bindings: in the order they apply.
        """
        self.bindings = list(bindings)
        self._versions: dict[Key, list[Binding]] = {}
        for binding in self.bindings:
            self._versions.setdefault(binding.key, []).append(binding)

    def versions(self, key: Key) -> list[Binding]:
        """Every binding of `key`, first to last."""
        return self._versions.get(key, [])

    def final(self, key: Key) -> Binding | None:
        """The binding of `key` that counts."""
        versions = self.versions(key)
        return versions[-1] if versions else None

    def macro(self, name: str) -> Binding | None:
        """The definition of a macro that counts."""
        return self.final(("", name, ""))

    @property
    def macros(self) -> dict[str, Binding]:
        """Definitions that count, by name."""
        found = self._versions.items()
        return {name: b[-1] for (scope, name, setting), b in found if not (scope or setting)}

    def resolve(self, value: Any) -> Any:
        """`value` with every defined macro replaced by its value; macros must not be circular.

        A reference within a macro is built in the role of the place where the macro is used, as if
        it were written there; gin itself would build it in a role called like the macro.
        """

        def one(leaf: Any) -> Any:
            if isinstance(leaf, MacroRef) and not leaf.is_constant:
                macro = self.macro(leaf.name)
                return leaf if macro is None else self.resolve(macro.value)
            return leaf

        return replace_leaves(value, one)

    def origin(self, binding: Binding) -> Binding:
        """The binding whose line holds the value: follows `= %NAME` to where NAME is defined."""
        while isinstance(binding.value, MacroRef) and not binding.value.is_constant:
            macro = self.macro(binding.value.name)
            if macro is None:
                return binding
            binding = macro
        return binding
