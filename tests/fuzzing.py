"""Gin files that went wrong in every way, made from the shipped experiments."""

import contextlib
import io
import re
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

from dsl.cli.run import main
from dsl.language.configuration import load
from dsl.language.registry import default_vocabulary

EXPERIMENTS = Path(__file__).resolve().parents[1] / "experiments"
SHIPPED = sorted(EXPERIMENTS.rglob("*.gin"))
_MOST_LINES = 60
_TOKEN = re.compile(r"[\w.]+|\s+|[^\w\s]")


class Outcome(NamedTuple):
    """What the command line did."""

    status: int
    output: str
    errors: str


def check(*arguments: str) -> Outcome:
    """`python -m dsl.run ... --check` within this process, held to what is promised of it."""
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            status = main([*arguments, "--check"])
        except SystemExit as end:  # argparse's own way to refuse
            status = end.code
    found = Outcome(status, output.getvalue(), errors.getvalue())
    assert status in (0, 2), found
    assert "Traceback" not in found.errors, found
    assert (status == 0) == (found.errors == ""), found
    assert len(found.errors.splitlines()) <= _MOST_LINES, found
    return found


def flat(path: Path, seen: frozenset = frozenset()) -> str:
    """A shipped file with its includes written out, so that every line of them can go wrong."""

    def included(match: re.Match) -> str:
        found = [p for p in (path.parent / match[1], EXPERIMENTS / match[1]) if p.exists()]
        return flat(found[0], seen | {path}) if found else match[0]

    text = path.read_text()
    return re.sub(r"^include '(.*)'$", included, text, flags=re.MULTILINE)


_NUMBERS = """
    0 -0 1 -1 2 3 4 5 7 0.5 1. .5 1e-30 1e30 1e300 1e999 -1e999 1_000 0x10 0b1 1j 00 1e6 0.1.2 --1
    2147483647 2147483648 4294967296 -2147483649 9223372036854775807 99999999999999999999 1000000
    1000000000000 +1
"""
_OTHER_DIGITS = "\u0663 \uff11\uff12 \u00b2"  # Arabic, full width, superscript
_VALUES = r"""
    None | True | False | true | nan | inf | '' | 'x' | "u_maze" | b'x' | f'{x}' | r'\d' | '\ud800'
    [] | () | {} | (1,) | [1, 2] | [[1]] | {'a': 1} | {1: 2} | {None: 1} | {[]: 1} | (None,) | a.b
    %SEED | %WIDTH | %NOPE | %gin.REQUIRED | @gin.singleton() | @gin.macro() | 1+1 | 2**99 | 9**9**9
    __import__('os') | @os.system('x') | @os.system() | lambda: 3 | open('ran', 'w')
    {'a': @learner.ActorCritic()} | {'a': @learner.ActorCritic(), 'b': %NOPE}
"""
_SIGNS = r"""@ % () ( ) [ ] { } : = / . ' " \ # , ; ! ? $ * ** include import from as gin."""
_CONTROLS = ("\n", "\n  ", "\t", "\f", "\r", "\0", "\ufeff", "\u202e", "\u2028", "\x1b[2J")
_INCLUDES = ("x.gin", ".", "/dev/zero", "base/loop.gin")

NUMBERS = st.sampled_from([*_NUMBERS.split(), *_OTHER_DIGITS.split()])
VALUES = NUMBERS | st.sampled_from([v.strip() for v in re.split(r"\||\n", _VALUES) if v.strip()])
FRAGMENTS = (
    VALUES
    | st.sampled_from([*_SIGNS.split(), '"""', "'''", *_CONTROLS])
    | st.sampled_from([f"include '{path}'\n" for path in _INCLUDES])
)


@st.composite
def names(draw: st.DrawFn) -> str:
    """A word, constant or setting of the language, in a role or not."""
    known = default_vocabulary()
    word = draw(st.sampled_from([*known.words, *known.constants]))
    settings = list(known.words[word].settings) if word in known.words else []
    setting = draw(st.sampled_from(["", *(f".{name}" for name in settings)]))
    role = draw(st.sampled_from(["", "", "", "actor/", "critic/", "critc/", "a/b/"]))
    return (
        draw(st.sampled_from(["", "@", "%"]))
        + role
        + word
        + setting
        + draw(st.sampled_from(["", "()"]))
    )


@st.composite
def assignments(draw: st.DrawFn) -> str:
    """A line that sets something that exists to something that may not be."""
    known = default_vocabulary()
    word = draw(st.sampled_from([w for w in known.words.values() if w.settings]))
    setting = draw(st.sampled_from(list(word.settings)))
    role = draw(st.sampled_from(["", "", "", "actor/", "critic/"]))
    return f"{role}{word.name}.{setting} = {draw(VALUES | names())}\n"


@st.composite
def edited(draw: st.DrawFn) -> bytes:
    """A shipped file after a few edits."""
    path = draw(st.sampled_from(SHIPPED))
    lines = (flat(path) if draw(st.booleans()) else path.read_text()).splitlines(keepends=True)
    for _ in range(draw(st.integers(1, 4))):
        lines = draw(st.sampled_from(_EDITS))(draw, lines or [""])
    content = "".join(lines).encode("utf-8", "surrogatepass")
    return draw(st.sampled_from(_ENCODINGS))(content)


def _delete(draw: st.DrawFn, lines: list[str]) -> list[str]:
    at = draw(st.integers(0, len(lines) - 1))
    return lines[:at] + lines[at + draw(st.integers(1, 5)) :]


def _duplicate(draw: st.DrawFn, lines: list[str]) -> list[str]:
    at, to = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    return [*lines[:to], lines[at], *lines[to:]]


def _token(draw: st.DrawFn, lines: list[str]) -> list[str]:
    """Replace, remove or put in one token of one line."""
    at = draw(st.integers(0, len(lines) - 1))
    tokens = _TOKEN.findall(lines[at]) or [""]
    place = draw(st.integers(0, len(tokens) - 1))
    tokens[place : place + draw(st.integers(0, 2))] = [
        draw(FRAGMENTS | names() | st.text(max_size=4))
    ]
    return [*lines[:at], "".join(tokens), *lines[at + 1 :]]


def _value(draw: st.DrawFn, lines: list[str]) -> list[str]:
    """Give one line another value."""
    with_value = [i for i, line in enumerate(lines) if "=" in line]
    at = draw(st.sampled_from(with_value or [0]))
    left = lines[at].partition("=")[0]
    return [*lines[:at], f"{left}= {draw(VALUES | names())}\n", *lines[at + 1 :]]


def _swap(draw: st.DrawFn, lines: list[str]) -> list[str]:
    """Exchange the values of two lines."""
    with_value = [i for i, line in enumerate(lines) if "=" in line] or [0]
    a, b = (draw(st.sampled_from(with_value)) for _ in range(2))
    (left_a, _, right_a), (left_b, _, right_b) = lines[a].partition("="), lines[b].partition("=")
    swapped = list(lines)
    swapped[a], swapped[b] = f"{left_a}={right_b}", f"{left_b}={right_a}"
    return swapped


def _assign(draw: st.DrawFn, lines: list[str]) -> list[str]:
    return [*lines, "\n", draw(assignments())]


_EDITS = (_delete, _duplicate, _token, _value, _value, _swap, _assign, _assign)
_ENCODINGS = (
    *(lambda content: content,) * 8,
    lambda content: b"\xef\xbb\xbf" + content,
    lambda content: content.replace(b"\n", b"\r\n"),
    lambda content: content.replace(b"\n", b"\r"),
    lambda content: content.decode("utf-8", "replace").encode("utf-16"),
    lambda content: content[: len(content) // 2],
    lambda content: content + b"\xff\0\x80",
)


@st.composite
def plausible(draw: st.DrawFn) -> list[str]:
    """A whole experiment and values for settings that it has, each of the right kind."""
    path = draw(st.sampled_from([p for p in SHIPPED if p.parent.name != "base"]))
    lines = [x for x in load(path).operative_text().splitlines() if re.match(r"[\w/.]+ = ", x)]
    chosen = draw(st.lists(st.sampled_from(lines), min_size=1, max_size=3, unique=True))
    pairs = [line.split(" = ", 1) for line in chosen]
    return [str(path), "--set", *(f"{name}={draw(_like(value))}" for name, value in pairs)]


def _like(value: str) -> st.SearchStrategy[str]:
    """Other values of the same kind."""
    if value.startswith(("@", "%")):
        family = value.strip("@%()").rpartition("/")[2].partition(".")[0]
        known = default_vocabulary()
        words = [n for n in known.members(family) if n in known.words]
        constants = [f"%{n}" for n in known.members(family) if n in known.constants]
        role = value[: value.rfind("/") + 1] or "@"
        return st.sampled_from([*(f"{role}{word}()" for word in words), *constants, "None"])
    if value in ("True", "False"):
        return st.sampled_from(["True", "False"])
    if value.replace("_", "").isdigit():
        return st.integers(0, 100).map(str) | st.integers(0, 2**33).map(str) | NUMBERS
    return st.floats(-10, 10).map(str) | NUMBERS | st.sampled_from(["None", "'x'", "()", "(1, 2)"])
