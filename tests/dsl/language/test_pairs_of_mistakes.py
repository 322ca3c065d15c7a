"""Two mistakes in one file are both named, whatever phase of the reading finds them."""

import itertools
from dataclasses import replace
from typing import NamedTuple

import pytest
from vocabularies import copy_of_default

from dsl.language.configuration import ConfigError, load


class Mistake(NamedTuple):
    """A line beside `include 'quickstart.gin'`, and what its message begins with or contains."""

    line: str
    said: str


MISTAKES = {
    "unread": Mistake("Experiment.film = yes please", "cannot read `Experiment.film"),
    "word": Mistake("critic.ContrastiveCritic.energy = @energy.NegativL1()", "'energy.NegativL1'"),
    "setting": Mistake("network.ResidualMLP.skip_evry = 4", "no setting 'skip_evry'"),
    "scope": Mistake("critc/network.ResidualMLP.normalise = True", "no '@critc/...' refers"),
    "macro": Mistake("Experiment.eval_episodes = %EVAL_EPS", "macro '%EVAL_EPS' is used"),
    "circle": Mistake("A = %B\nB = %A", "A is defined by itself"),
    "unused": Mistake("WIDHT = 8", "'WIDHT' is defined, but no"),
    "type": Mistake("Experiment.batch_size = 'many'", "batch_size is 'many'"),
    "range": Mistake("goal.GeometricFuture.discount = 1.5", "discount is 1.5"),
    "twice": Mistake("Experiment.seed = 1\nExperiment.seed = 2", "already set"),
    "required": Mistake("X = %gin.REQUIRED\nExperiment.evaluations = %X", "X has no value yet"),
    "unbuilt": Mistake("energy.Cosine.epsilon = 0.1", "energy.Cosine.epsilon has no effect"),
    "misfit": Mistake(
        "learner.ActorCritic.actor = @actor.DeterministicActor()\n"
        "actor.DeterministicActor.network = @actor/network.ResidualMLP()",
        "its actor must be a StochasticActor",
    ),
    "constructor": Mistake("env.PointMaze.layout = ['###']", "layout"),
    "disagreement": Mistake("Experiment.best_by = 'eval/tim'", "'eval/tim', which no evaluation"),
    "grid": Mistake("sweep.grid = {'SEED': [1, 1]}", "sweep.grid gives"),
    "grid's form": Mistake("sweep.grid = {'SEED': 3}", "sweep.grid"),
    "grid's name": Mistake("sweep.grid = {'SEDE': [1, 2]}", "SEDE"),
    "import": Mistake("import no_such_module", "no module 'no_such_module'"),
    "include": Mistake("include 'no_such.gin'", "no file 'no_such.gin'"),
}
# What a missing file may use, set or choose is not called wrong.
BEHIND_A_MISSING_FILE = (
    *("scope", "macro", "unused", "required", "unbuilt", "misfit", "constructor", "disagreement"),
    "grid's name",
)
# What a missing module may register is not built, and may have any name.
BEHIND_A_MISSING_MODULE = ("word", "constructor", "disagreement")
HIDDEN = {
    *(frozenset(("include", other)) for other in BEHIND_A_MISSING_FILE),
    *(frozenset(("import", other)) for other in BEHIND_A_MISSING_MODULE),
    # The three are one setting: they cannot stand in one file.
    *map(frozenset, itertools.combinations(("grid", "grid's form", "grid's name"), 2)),
}


@pytest.fixture(scope="module")
def vocabulary():
    """Every word, with mazes that are built once."""
    known = copy_of_default()
    word = known.words["env.PointMaze"]
    made = {}

    def maze(**settings):
        key = repr(settings)
        if key not in made:
            made[key] = word.target(**settings)
        return made[key]

    known.words["env.PointMaze"] = replace(word, target=maze)
    return known


def problems_of(tmp_path, lines, vocabulary):
    file = tmp_path / "mine.gin"
    file.write_text("\n".join(["include 'quickstart.gin'", *lines]) + "\n")
    try:
        load(file, vocabulary=vocabulary)
    except ConfigError as error:
        return error.problems
    return []


@pytest.mark.parametrize("first", MISTAKES)
def test_pairs(tmp_path, vocabulary, first):
    missing = []
    for second in MISTAKES:
        pair = {first, second}
        if frozenset(pair) in HIDDEN or first >= second:
            continue
        found = problems_of(tmp_path, [MISTAKES[name].line for name in pair], vocabulary)
        missing += [
            (second, name, found)
            for name in pair
            if not any(MISTAKES[name].said in problem for problem in found)
        ]
        # And nothing else: no consequence of one of them.
        if len(found) > len(pair):
            missing.append((second, "too many", found))
    assert missing == []
