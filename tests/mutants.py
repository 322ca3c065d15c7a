"""Shipped gin files with one line changed, and what is wrong with those that are accepted."""

import functools
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from dsl.language import sources
from dsl.language.configuration import ConfigError, Configuration, load
from dsl.language.registry import default_vocabulary
from dsl.language.sources import EXPERIMENTS

_NAME = re.compile(r"(?<!\w)[A-Za-z_]\w*")


class Mutant(NamedTuple):
    """One changed file.

    Attributes:
        host: the experiment that is loaded; it is the file or includes it.
        file: what is changed.
        change: kind of the change.
        touched: names on the lines that are changed.
        text: the file's text after the change.
        renamed: the old and the new name, if the change is a misspelt name.
    """

    host: Path
    file: Path
    change: str
    touched: frozenset[str]
    text: str
    renamed: tuple[str, str] | None = None


def all_mutants(experiments: Iterable[Path]) -> list[Mutant]:
    """Return every change of every line of these files and their includes, in random order."""
    known = _known_names()
    found = []
    for file, host in _hosts(experiments).items():
        lines = file.read_text().splitlines(keepends=True)
        for at, line in enumerate(lines):
            if code := line.partition("#")[0].rstrip():
                found += [Mutant(host, file, *change) for change in _moves(lines, at)]
                found += [
                    Mutant(host, file, *change) for change in _renames(lines, at, code, known)
                ]
    random.Random(0).shuffle(found)
    return found


def fault(mutant: Mutant) -> str | None:
    """Return what is wrong with the acceptance of a mutant; None if it is refused or right."""
    original, before = _original(mutant.host), _settings(mutant.host)
    read = sources._read_text

    def changed(path: Path) -> str:
        return mutant.text if path.resolve() == mutant.file else read(path)

    with (
        mock.patch.object(sources, "_read_text", changed),
        mock.patch.object(sources, "read_statements", _read_once),
    ):
        try:
            configuration = load(mutant.host)
            _judge_new_values(mutant.host, configuration, original)
        except ConfigError:
            return None
    after = dict(_lines(configuration))
    if before == after and original.grid == configuration.grid:
        return None
    if mutant.renamed:
        return _fault_of_name(mutant, *mutant.renamed, before, configuration)
    different = {subject for subject, _ in before.items() ^ after.items()}
    unexplained = [s for s in different if not _is_explained(s, mutant, before, after)]
    return f"changed {sorted(unexplained)}" if unexplained else None


# Of a hundred mutants, ninety-nine include the same unchanged files.
_read_once = functools.cache(sources.read_statements)


def _judge_new_values(host: Path, configuration: Configuration, original: Configuration) -> None:
    """Load what varies now and did not before, with the first value of everything else."""
    axes, old = configuration.grid, original.grid
    first = {names: values[0] for names, values in axes.items()}
    for names, values in axes.items():
        for value in values if old.get(names) != values else ():
            chosen = {**first, names: value}
            pairs = [zip(n, v, strict=True) for n, v in chosen.items()]
            load(host, [f"{name}={text}" for each in pairs for name, text in each])


def _fault_of_name(
    mutant: Mutant, old: str, new: str, before: dict[str, str], configuration: Configuration
) -> str | None:
    """Accept new names of the user's own, and what is refused when it is built.

    Such names are the keys of a dict, and scopes that nothing is set for, which `--check` lists.
    """
    is_key = re.search(rf"['\"]{new}['\"]:", mutant.text) is not None
    is_scope = any(new in scope.split("/") for scope in configuration.default_scopes())
    whole = re.compile(rf"\b{new}\b")
    renamed = {whole.sub(old, k): whole.sub(old, v) for k, v in _lines(configuration)}
    if (is_key or is_scope) and renamed == before:
        return None
    try:
        problems = list(configuration.build().problems())
    except ConfigError:
        return None
    return None if problems else f"{old!r} became {new!r}"


def _is_explained(subject: str, mutant: Mutant, before: dict, after: dict) -> bool:
    """Return whether the changed lines name the setting, its macro, or a word that holds it."""
    scoped_word, _, setting = subject.rpartition(".")
    one_sided = not any(k.rpartition(".")[0] == scoped_word for k in before) or not any(
        k.rpartition(".")[0] == scoped_word for k in after
    )
    macros = {n for n in mutant.touched if n.isupper()}
    return setting in mutant.touched or bool(macros) or one_sided


@functools.cache
def _original(host: Path) -> Configuration:
    return load(host)


@functools.cache
def _settings(host: Path) -> dict[str, str]:
    return dict(_lines(_original(host)))


def _lines(configuration: Configuration) -> Iterator[tuple[str, str]]:
    for line in configuration.operative_text().splitlines():
        subject, equals, value = line.partition(" = ")
        if equals:
            yield subject, value


def _hosts(experiments: Iterable[Path]) -> dict[Path, Path]:
    """Return for every file an experiment that includes it, or the file itself if it runs."""
    hosts: dict[Path, Path] = {}
    for path in experiments:
        try:
            load(path)
        except ConfigError:
            continue
        hosts[path.resolve()] = path
        for name in sources.read_sources(path).parents:
            hosts.setdefault(Path(name).resolve(), path)
    return hosts


def _known_names() -> set[str]:
    vocabulary = default_vocabulary()
    texts = [p.read_text() for p in EXPERIMENTS.rglob("*.gin")]
    texts += [*vocabulary.words, *vocabulary.constants, "gin import include from as"]
    texts += [name for word in vocabulary.words.values() for name in word.settings]
    return {name for text in texts for name in _NAME.findall(text)}


def _moves(lines: list[str], at: int) -> Iterator[tuple[str, frozenset[str], str]]:
    """Yield the line dropped, said twice, exchanged with the next one, and indented otherwise."""
    line, after = lines[at], lines[at + 1 :]
    names = _names_around(lines, at)
    indented = line.lstrip() if line[0] == " " else f"  {line}"
    changes = {"drop": [], "duplicate": [line, line], "indent": [indented]}
    if after:
        changes["swap"] = [after[0], line]
    for change, new in changes.items():
        rest = after[1:] if change == "swap" else after
        yield change, names, "".join([*lines[:at], *new, *rest])


def _names_around(lines: list[str], at: int) -> frozenset[str]:
    """Return the names on a line and the next; those of the block too if either is its header."""
    touched = lines[at : at + 2]
    if any(line.rstrip().endswith(":") for line in touched):
        end = next((i for i in range(at + 2, len(lines)) if lines[i][0] not in " \n"), len(lines))
        touched = lines[at:end]
    return frozenset(_NAME.findall("".join(touched)))


def _renames(
    lines: list[str], at: int, code: str, known: set[str]
) -> Iterator[tuple[str, frozenset[str], str, tuple[str, str]]]:
    """Yield the line with one of its names misspelt in each of four ways."""
    for found in _NAME.finditer(code):
        name, place = found[0], len(found[0]) // 2
        misspelt = {
            name[:place] + name[place + 1 :],
            name[:place] + name[place : place + 2][::-1] + name[place + 2 :],
            name[:place] + name[place] + name[place:],
            name[:place] + ("x" if name[place] != "x" else "y") + name[place + 1 :],
        }
        for new in sorted(misspelt - known):
            line = lines[at][: found.start()] + new + lines[at][found.end() :]
            text = "".join([*lines[:at], line, *lines[at + 1 :]])
            yield "rename", frozenset(), text, (name, new)
