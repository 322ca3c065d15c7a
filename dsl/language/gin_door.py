"""The only file that touches gin, and all that is private in it. Written for gin-config 0.5.0.

gin gives the language its syntax and its evaluation of references and scopes. What gin is too
lenient about is judged before, and macros and includes are resolved before: gin is given one flat
list of bindings.
"""

import contextlib
import functools
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from gin import config, config_parser, selector_map

from dsl.language.syntax_hints import REPEATED
from dsl.language.values import MacroRef, Reference, shown

BlockDeclaration = config_parser.BlockDeclaration
BindingStatement = config_parser.BindingStatement
ImportStatement = config_parser.ImportStatement
IncludeStatement = config_parser.IncludeStatement


_MOST_STATEMENTS = 10_000


class TooManyError(Exception):
    """A text so long that judging it would take minutes."""


class Parsed(NamedTuple):
    """Statements up to the first that cannot be read.

    Attributes:
        statements: gin's statements, lines counted from 1.
        error: what gin said about the statement after them, or None at the end of the text.
        begun: line at or before the first token of that statement.
    """

    statements: list[Any]
    error: Exception | None
    begun: int


class _Delegate(config_parser.ParserDelegate):
    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> Reference:
        *scopes, word = scoped_configurable_name.split("/")
        return Reference(word, "/".join(scopes), evaluate)

    def macro(self, macro_name: str) -> MacroRef:
        return MacroRef(macro_name)


class _Parser(config_parser.ConfigParser):
    """gin's parser, which itself drops the first of two equal keys without a word."""

    def __init__(self, text: str) -> None:
        self._keys: list[Any] = []  # of the dict that is being read
        super().__init__(text, _Delegate())

    def _maybe_parse_container(self) -> tuple[bool, Any]:
        outer, self._keys = self._keys, []
        found, value = super()._maybe_parse_container()
        keys, self._keys = self._keys, outer
        if isinstance(value, dict) and len(value) < len(keys):
            [(key, _)] = Counter(keys).most_common(1)
            raise SyntaxError(f"{REPEATED} {shown(key)}.")
        return found, value

    def _parse_dict_item(self) -> tuple[Any, Any]:
        key, value = super()._parse_dict_item()
        self._keys.append(key)
        return key, value


@functools.lru_cache(maxsize=64)  # a sweep reads the same files for every run
def parse(text: str) -> Parsed:
    """Read gin text until its end or its first error. What is returned must not be changed."""
    statements, begun = [], 1
    with warnings.catch_warnings(action="ignore"):
        try:
            parser = _Parser(text)
            # `for statement in parser` would take an unexpected end of tokens for the end of file.
            while statement := parser.parse_statement():
                if len(statements) == _MOST_STATEMENTS:
                    raise TooManyError(f"it has more than {_MOST_STATEMENTS:_} statements.")
                statements.append(statement)
                token: Any = parser.current_token
                begun = token.start[0]
        # Whatever the tokeniser, the literal parser or gin raises, the text is at fault.
        except Exception as error:
            return Parsed(statements, error, begun)
    return Parsed(statements, None, begun)


def binding_key(text: str) -> tuple[str, str, str]:
    """`scope/family.Word.setting` as scope, word and setting; a macro has no setting."""
    return config_parser.parse_binding_key(text)


def register(function: Callable, family: str, name: str) -> None:
    """Make `function` known to gin as `family.name`, in place of an older one."""
    with config.unlock_config(), config.interactive_mode():
        config.external_configurable(function, name=name, module=family)


def constant(name: str, value: Any) -> None:
    """Make a value known to gin as `%name`, in place of an older one."""
    config._CONSTANTS[name] = value


def current_scope() -> str:
    """The role which gin is building in at this moment."""
    return config.current_scope_str()


def apply(text: str) -> None:
    """Replace gin's whole configuration by `text` and lock it."""
    config.clear_config()
    config.parse_config(text)
    config.finalize()


def evaluate(selector: str) -> Any:
    """Build the configurable called `selector` with everything that its bindings refer to."""
    return config.get_configurable(selector)()


@contextlib.contextmanager
def empty_registry() -> Iterator[None]:
    """Hide everything registered with gin for a while, and forget what is registered meanwhile."""
    saved = config._REGISTRY, config._INVERSE_REGISTRY, config._CONSTANTS
    config.clear_config()
    config._REGISTRY = _own_entries(config._REGISTRY)
    config._INVERSE_REGISTRY = dict(config._INVERSE_REGISTRY)
    config._CONSTANTS = _own_entries(config._CONSTANTS)
    try:
        yield
    finally:
        config.clear_config()
        config._REGISTRY, config._INVERSE_REGISTRY, config._CONSTANTS = saved


def _own_entries(entries: selector_map.SelectorMap) -> selector_map.SelectorMap:
    own = selector_map.SelectorMap()
    for selector, value in entries.items():
        if selector.startswith("gin."):
            own[selector] = value
    return own
