"""What a linter does not hold: short functions and files, summaries that begin with a verb."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(p for r in ("dsl", "components", "benchmarks") for p in (ROOT / r).rglob("*.py"))
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
LONGEST_FUNCTION = 40
LONGEST_FILE = 300
MEDIAN_FUNCTION = 10
# How a summary must not begin: articles, pronouns, questions, prepositions, numbers.
NOT_A_VERB = re.compile(
    r"(The|An?|It|Its|Their|This|That|These|Those|What|Whether|How|Where|Which|Who|Why|While|When"
    r"|One|Two|Three|Four|Five|Six|Seven|Eight|Each|Every|Everything|Something|Somewhere|Nothing"
    r"|No|All|Any|Of|From|Between|By|In|On|At|As|If|For|To|With|Without|Beside|Left|Right|Dense"
    r"|Random|Final|Mean|Time|Times|Text|Input|Joint|Relative|Training|Kind|Program"
    r"|\w*[b-hj-rt-z]s|\W.*|\d.*)\b"
)
# Phrases of a language that nobody speaks.
PHRASES = re.compile(
    r"\bwhere left out\b|\bof (no )?account\b|\bgo(es)? on\b|\bdear(er|est)?\b|\bso many\b"
    r"|\b(is|are) to (be|have|do|go|come|take|make|keep|give)\b"
    r"|\bof one's own\b|\brefused likewise\b"
)


def parse(path):
    return ast.parse(path.read_text())


def summary(function):
    docstring = ast.get_docstring(function)
    return docstring.split("\n")[0] if docstring else None


def lines_without_docstring(function):
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    return (
        function.end_lineno
        - function.lineno
        + 1
        - documented * (first.end_lineno - first.lineno + 1)
    )


def functions(path):
    return [node for node in ast.walk(parse(path)) if isinstance(node, FUNCTION)]


def is_property(function):
    return any("property" in ast.unparse(d) for d in function.decorator_list)


def test_functions_are_short():
    lengths = {
        f"{p.relative_to(ROOT)}:{f.lineno} {f.name}": lines_without_docstring(f)
        for p in SOURCES
        for f in functions(p)
    }
    assert len(lengths) > 1000
    assert sorted(lengths.values())[len(lengths) // 2] < MEDIAN_FUNCTION
    assert {name for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == set()


def test_files_are_short():
    assert [p for p in SOURCES if len(p.read_text().splitlines()) >= LONGEST_FILE] == []


@pytest.mark.parametrize("room", sorted({p.relative_to(ROOT).parent for p in SOURCES}), ids=str)
def test_summaries_begin_with_a_verb(room):
    wrong = [
        f"{p.relative_to(ROOT)}:{f.lineno} {text}"
        for p in (ROOT / room).glob("*.py")
        for f in functions(p)
        if f.name != "__init__" and not is_property(f)
        if (text := summary(f)) and NOT_A_VERB.match(text)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("folder", ["dsl", "components", "docs", "experiments", "benchmarks"])
def test_prose_is_plain_english(folder):
    texts = [p for p in (ROOT / folder).rglob("*") if p.suffix in {".py", ".md", ".gin"}]
    wrong = [
        f"{p.relative_to(ROOT)}:{number} {line.strip()}"
        for p in texts
        for number, line in enumerate(p.read_text().splitlines(), 1)
        if PHRASES.search(line)
    ]
    assert texts
    assert not wrong, "\n".join(wrong)
