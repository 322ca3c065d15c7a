"""Constructors that refused their settings, as problems at the lines that set them."""

from components.constraints import SettingError
from dsl.language.lint_values import blame
from dsl.language.problems import Location, Problem
from dsl.language.reach import Reach
from dsl.language.table import BindingTable
from dsl.language.values import prefixed


def locate(
    error: Exception, word: str, scope: str, *, found: Reach, table: BindingTable, file: Location
) -> Problem:
    """The line that an error is about.

    Args:
        error: what a constructor raised.
        word: name of the word that it constructs.
        scope: its role.
        found: what the file builds.
        table: all bindings.
        file: the gin file as a whole, for what no line says.
    """
    visit = found.visits.get((scope, word))
    builder = visit.builder if visit else None
    place = table.origin(builder).location if builder else file
    subject = prefixed(scope, word)
    if not isinstance(error, SettingError):
        said = " ".join(str(error).split())
        return Problem(place, f"{subject} cannot be built: {type(error).__name__}: {said}")
    binding = visit.settings.get(error.setting) if visit else None
    if binding is not None:
        return blame(binding, error.problem, table)
    return Problem(place, f"{subject}.{error.setting} {error.problem}")
