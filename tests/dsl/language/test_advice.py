"""What a message says to write would be accepted: for every setting, and many wrong values."""

import ast
import re

from dsl.language.registry import default_vocabulary
from dsl.language.type_check import mismatch

WRONG = [
    *(1.0, 0.0, -3.0, 6.0, 2.5, 1e30, 1, 0, -1, [], [1, 2], [0, 0], ["#####"], (1.0, 2.0)),
    *("1", "0", "-1", "6", "0.5", "-0.5", "1.5", "nan", "-inf", "1e999", "True", "none", "text"),
]


def test_advice_helps_when_it_is_followed():
    known = default_vocabulary()
    followed = set()
    for word in known.words.values():
        for name, setting in word.settings.items():
            for value in WRONG:
                problem = mismatch(value, setting.annotation, known) or ""
                advised = re.search(r" Write ([^@%]+?)(, without quotes)?\.$", problem)
                if advised:
                    written = ast.literal_eval(advised[1])
                    found = mismatch(written, setting.annotation, known)
                    assert found is None, f"{word.name}.{name} {problem} Then: {found}"
                    followed.add(repr(value))
    # What every kind of advice here begins with: floats, flags, lists and text.
    assert {"6.0", "0", "[1, 2]", "'6'", "'0.5'", "'True'", "'none'"} <= followed
