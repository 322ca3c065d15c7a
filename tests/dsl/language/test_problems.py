"""The texts of problems: what the user of a bad gin file reads."""

import pytest

from dsl.language.parse import parse

NAMES = {
    "network.Netwrk.width = 4": (
        "x.gin:2: there is no word 'network.Netwrk'. Did you mean 'network.Network'?"
    ),
    "net.Network.width = 4": (
        "x.gin:2: there is no word 'net.Network'. Did you mean 'network.Network'?"
    ),
    "energy.Xyzzy.a = 4": (
        "x.gin:2: there is no word 'energy.Xyzzy'. There are: energy.NegativeL2, energy.Dot. If it "
        "is your own, import its module."
    ),
    "network.Network.widht = 4": (
        "x.gin:2: network.Network has no setting 'widht'. Did you mean 'width'? "
        "Settings: width, depth, activation, normalise."
    ),
    "network.Network.in_size = 4": (
        "x.gin:2: network.Network.in_size cannot be set: the program works it out. "
        "Settings: width, depth, activation, normalise."
    ),
    "Experiment.environment = @env.Maz()": (
        "x.gin:2: there is no word 'env.Maz'. Did you mean 'env.Maze'?"
    ),
    "Experiment.environment = @env.Maze": "x.gin:2: write @env.Maze(), with parentheses.",
    "actor/network.Network.activation = @activation.relu()": (
        "x.gin:2: activation.relu is a constant: write %activation.relu instead of "
        "@activation.relu()."
    ),
    "Experiment.environment = %env.Maze": (
        "x.gin:2: env.Maze is a word: write @env.Maze() instead of %env.Maze."
    ),
    "actor/network.Network.activation = %activation.rleu": (
        "x.gin:2: there is no constant '%activation.rleu'. Did you mean '%activation.relu'?"
    ),
    "actor/network.Network.activation = %relu": (
        "x.gin:2: macro '%relu' is used but never defined. Did you mean '%activation.relu'?"
    ),
    "Experiment.steps = %SED": (
        "x.gin:2: macro '%SED' is used but never defined. Did you mean '%SEED'?"
    ),
    "Experiment.note = @SEED()": "x.gin:2: SEED is a macro: write %SEED instead of @SEED().",
    "activation.relu = 3": (
        "x.gin:2: activation.relu is a constant and cannot be set; use it as %activation.relu."
    ),
    "network.Network = 3": (
        "x.gin:2: network.Network is a word; its settings are set one by one, as in "
        "network.Network.width = ..."
    ),
    "energy.Dot = 3": "x.gin:2: energy.Dot is a word without settings; use it as @energy.Dot().",
    "network.width = 3": (
        "x.gin:2: 'network' is a family; name one of its words. There are: network.Network."
    ),
    "actor/SEED = 3": "x.gin:2: a macro has no scope: write SEED = ..., without 'actor/'.",
}

VALUES = {
    "Experiment.steps = 1e6": (
        "x.gin:2: Experiment.steps is 1000000.0; it must be a whole number. Write 1_000_000."
    ),
    "Experiment.steps = 2.5": (
        "x.gin:2: Experiment.steps is 2.5; it must be a whole number. Nearest: 2 or 3."
    ),
    "Experiment.steps = True": "x.gin:2: Experiment.steps is True; it must be a whole number.",
    "Experiment.steps = None": "x.gin:2: Experiment.steps is None; it must be a whole number.",
    "Experiment.steps = '10'": (
        "x.gin:2: Experiment.steps is '10'; it must be a whole number. Write 10, without quotes."
    ),
    "Experiment.steps = @env.Maze()": (
        "x.gin:2: Experiment.steps is @env.Maze(); it must be a whole number."
    ),
    "Experiment.steps = 100000000000000000000": (
        "x.gin:2: Experiment.steps is 100_000_000_000_000_000_000; it must be "
        "2_147_483_647 at most."
    ),
    "Experiment.gamma = '3e-4'": (
        "x.gin:2: Experiment.gamma is '3e-4'; it must be a number. Write 0.0003, without quotes."
    ),
    "Experiment.gamma = 'nan'": (
        "x.gin:2: Experiment.gamma is 'nan'; it must be a number. It must be finite."
    ),
    "network.Network.depth = 6.0": (
        "x.gin:2: network.Network.depth is 6.0; it must be a whole number. "
        "It must be a multiple of 4. Nearest: 4 or 8."
    ),
    "network.Network.depth = '6'": (
        "x.gin:2: network.Network.depth is '6'; it must be a whole number. "
        "It must be a multiple of 4. Nearest: 4 or 8."
    ),
    "Experiment.note = 3": "x.gin:2: Experiment.note is 3; it must be text in quotes or None.",
    "network.Network.normalise = 0": (
        "x.gin:2: network.Network.normalise is 0; it must be True or False. Write False."
    ),
    "env.Maze.layout = 'umaze'": (
        "x.gin:2: env.Maze.layout is 'umaze'; it must be one of 'u_maze', 'big_maze'. "
        "Did you mean 'u_maze'?"
    ),
    "critic.Critic.sizes = [1, 2]": (
        "x.gin:2: critic.Critic.sizes is [1, 2]; it must be a tuple (each item a whole number). "
        "Write (1, 2)."
    ),
    "critic.Critic.energy = 'energy.Dot'": (
        "x.gin:2: critic.Critic.energy is 'energy.Dot'; it must be an Energy. Write @energy.Dot()."
    ),
    "critic.Critic.energy = @env.Maze()": (
        "x.gin:2: critic.Critic.energy is @env.Maze(); it must be an Energy. "
        "Write @energy.NegativeL2(), @energy.Dot()."
    ),
    "actor/network.Network.activation = 'relu'": (
        "x.gin:2: actor/network.Network.activation is 'relu'; it must be a word or function. "
        "Write %activation.relu."
    ),
    "optimiser.adam.learning_rate = 'fast'": (
        "x.gin:2: optimiser.adam.learning_rate is 'fast'; it must be a number or a word or "
        "function."
    ),
    "actor/network.Network.depth = 6": (
        "x.gin:2: actor/network.Network.depth is 6; it must be a multiple of 4. Nearest: 4 or 8."
    ),
    "WIDTH = 'abc'": (
        "x.gin:2: WIDTH is 'abc'; it must be a whole number. (For network.Network.width, "
        "good.gin:13.)"
    ),
    "SEED = -1": "x.gin:2: SEED is -1; it must be at least 0. (For Experiment.seed, good.gin:9.)",
    "env.Maze.episode_length = 5001": (
        "x.gin:2: env.Maze.episode_length is 5001; 5000 is the most."
    ),
}

USES = {
    "NOBODY = 3": "x.gin:2: 'NOBODY' is defined, but no '%NOBODY' uses it.",
    "WIDHT = 3": "x.gin:2: 'WIDHT' is defined, but no '%WIDHT' uses it. Did you mean 'WIDTH'?",
    "critc/network.Network.depth = 8": (
        "x.gin:2: no '@critc/...' refers to the scope 'critc'. Did you mean 'critic'? "
        "Scopes: critic, actor."
    ),
    "critic/env.Maze.layout = 'big_maze'": (
        "x.gin:2: nothing in the scope 'critic' builds env.Maze. It is built as: env.Maze."
    ),
    "energy.NegativeL2.epsilon = 1e-3": (
        "x.gin:2: energy.NegativeL2.epsilon has no effect: no @energy.NegativeL2() builds the "
        "word. Write critic/critic.Critic.energy = @energy.NegativeL2() to replace the default "
        "there."
    ),
    "Experiment.optimiser = None\noptimiser.adam.b1 = 0.5": (
        "x.gin:3: optimiser.adam.b1 has no effect: no @optimiser.adam() builds the word."
    ),
    "network.Network.activation = %activation.relu\n"
    "critic/network.Network.activation = %activation.swish": (
        "x.gin:2: network.Network.activation has no effect: critic/network.Network.activation "
        "(x.gin:3) and actor/network.Network.activation (good.gin:15) set it wherever it is built."
    ),
    "Experiment.steps = 5\nExperiment.steps = 6": (
        "x.gin:3: Experiment.steps is already set at x.gin:2."
    ),
    "STEPS = %gin.REQUIRED\nExperiment.steps = %STEPS": (
        "x.gin:2: STEPS has no value yet: set it with --set STEPS=..."
    ),
    "A = [%B]\nB = %A\nExperiment.note = %A": "x.gin:2: A is defined by itself: A -> B -> A.",
    "critic.Critic.encoder = @critic.Critic()": (
        "x.gin:2: critic/critic.Critic would be built inside itself: "
        "critic/critic.Critic -> critic/critic.Critic."
    ),
}

SYNTAX = {
    "critic.Critic.energy = energy.Dot()": "`critic.Critic.energy = energy.Dot()`. Write "
    "@energy.Dot().",
    "critic.Critic.energy = energy.Dot": "`critic.Critic.energy = energy.Dot`. Write "
    "@energy.Dot(). Text goes in quotes: 'energy.Dot'.",
    "critic.Critic.energy = near/energy.Dot(a=3)": "`critic.Critic.energy = near/energy.Dot(a=3)`. "
    "Write @near/energy.Dot() and set it on lines of its own.",
    "SEED = 3 // small": "`SEED = 3 // small`. A comment begins with #.",
    "SEED = 7 // 2": "`SEED = 7 // 2`. gin has no arithmetic. Write 3.",
    "Experiment.sizes = range(1, 7, 2)": "`Experiment.sizes = range(1, 7, 2)`. gin calls no "
    "functions. Write [1, 3, 5].",
    "Experiment.sizes = range(1, 7, 0)": "`Experiment.sizes = range(1, 7, 0)`. gin calls no "
    "functions. Write the value.",
    "Experiment.sizes = np.arange(3)": "`Experiment.sizes = np.arange(3)`. gin calls no functions. "
    "Write the value.",
    "Experiment.sizes = [i for i in range(3)]": "`Experiment.sizes = [i for i in range(3)]`. A gin "
    "file holds no code. Write the list out.",
    "Experiment.note = lambda: 3": "`Experiment.note = lambda: 3`. A gin file holds no code. Write "
    "the function in a module of your own, and import it.",
    "Experiment.note = f'{x}_maze'": "`Experiment.note = f'{x}_maze'`. Text is written '...', "
    "without the f.",
    "SEED = 064": "`SEED = 064`. Write 64.",
    "SEED = 64L": "`SEED = 64L`. Write 64.",
    "SEED = 1.2M": "`SEED = 1.2M`. Write 1_200_000.",
    "SEED = 1 200 000": "`SEED = 1 200 000`. Write 1_200_000.",
    "SEED = \u22123": "`SEED = \u22123`. gin cannot read the character U+2212 (minus sign). "
    "Write -.",
    "network.Network.normalise = off": "`network.Network.normalise = off`. Write False. Text goes "
    "in quotes: 'off'.",
    "SEED = -1e-400": "`SEED = -1e-400`. It is too small for a number, and would be read as -0.0.",
    "Experiment..seed = 3": "`Experiment..seed = 3`. Experiment..seed is not a name: NAME, or "
    "scope/family.Word.setting.",
    "import 'my_words'": "`import 'my_words'`. Write import my_words.",
    "import my-words": "`import my-words`. A module's name has no '-'. Rename the file to "
    "my_words.py.",
    "include 'a.gin', 'b.gin'": "`include 'a.gin', 'b.gin'`. Include one file a line.",
    "Experiment.steps = 10 * 1000": "`Experiment.steps = 10 * 1000`. gin has no arithmetic. "
    "Write 10_000.",
    "Experiment.steps = %SEED * 2": "`Experiment.steps = %SEED * 2`. gin has no arithmetic. "
    "Write the result.",
    "Experiment.steps = 10,000": "`Experiment.steps = 10,000`. Write 10_000.",
    "env.Maze.layout = u_maze": "`env.Maze.layout = u_maze`. Text goes in quotes: 'u_maze'.",
    "Experiment.seed = WIDTH": "`Experiment.seed = WIDTH`. Text goes in quotes, 'WIDTH'; a macro "
    "is used as %WIDTH.",
    "network.Network.normalise = true": "`network.Network.normalise = true`. Write True.",
    "Experiment.environment = Maze()": "`Experiment.environment = Maze()`. To build a word, write "
    "@family.Maze().",
    "Experiment.environment = @env.Maze(layout='u_maze')": "`Experiment.environment = "
    "@env.Maze(layout='u_maze')`. Write @env.Maze() and set it on lines of its own, such as "
    "env.Maze.layout = ...",
    "SEED = nan": "`SEED = nan`. A setting cannot be nan: write a finite number.",
    "SEED = -inf": "`SEED = -inf`. A setting cannot be -inf: write a finite number.",
    "SEED =\u00a03": "`SEED =\\xa03`. gin cannot read the character U+00A0 "
    "(no-break space). Write a blank.",
    "SEED = 3\u200b": "`SEED = 3\\u200b`. gin cannot read the character U+200B "
    "(zero width space). Retype it.",
    "SEED = 3 \\": "`SEED = 3 \\`. Nothing follows the \\ at the end. Remove it.",
    "SEED = 3,": "`SEED = 3,`. Remove the , at the end.",
    "SEED = 3;  # so": "`SEED = 3;  # so`. Remove the ; at the end.",
    "SEED = 3; WIDTH = 4": "`SEED = 3; WIDTH = 4`. Write one statement a line, without a ;.",
    "SEED = 3 4": "`SEED = 3 4`. Something follows the value; a line has one value.",
    "SEED = 0b12": "`SEED = 0b12`. 0b12 is not a number that gin can read.",
    "SEED = WIDTH = 3": "`SEED = WIDTH = 3`. Set one name a line.",
    "SEED = -%WIDTH": "`SEED = -%WIDTH`. A sign stands before a number only.",
    "Experiment.sizes = [-@env.Maze()]": "`Experiment.sizes = [-@env.Maze()]`. A sign "
    "stands before a number only.",
    "Experiment: seed = 1": "`Experiment: seed = 1`. Write Experiment.seed = 1.",
    "SEED = 3e -4": "`SEED = 3e -4`. 3e -4 is not a number that gin can read.",
    "SEED = +3": "`SEED = +3`. Write 3.",
    "SEED = ${WIDTH}": "`SEED = ${WIDTH}`. A macro is used as %WIDTH.",
    "SEED = %%X": "`SEED = %%X`. What follows the '=' is not a value: numbers, 'text', True, None, "
    "lists, @word(), %NAME.",
    "Experiment.note = {'a' 3}": "`Experiment.note = {'a' 3}`. An entry of a dict reads 'name': "
    "value.",
    "from math": "`from math`. Write import math.",
    "import math, os": "`import math, os`. Import one module a line.",
    "include 'good.gin';": "`include 'good.gin';`. Write include 'good.gin'.",
    "Experiment.seed 3": "`Experiment.seed 3`. A line reads NAME = value, family.Word.setting = "
    "value, or family.Word: and a block.",
    "Experiment.seed =": "`Experiment.seed =`. There is no value after the '='.",
    "lr: 3e-4": "`lr: 3e-4`. Write lr = 3e-4.",
    "include base.gin": "`include base.gin`. Write include 'base.gin'.",
    "critic.Critic.sizes = (1, 2\nExperiment.steps = 5": "`critic.Critic.sizes = (1, 2`: a bracket "
    "opened here is not closed.",
    "Experiment.note = 'abc": "`Experiment.note = 'abc`. A quote that is opened here is not "
    "closed.",
    "A = {'a': {'b': 1}, 'c': {'b': 2, 'd': 3,\n  'b': 4}}": "`A = {'a': {'b': 1}, 'c': {'b': 2, "
    "'d': 3,`. A dict has every key once; there are two of 'b'.",
    "Experiment.note = \u201cabc\u201d": "`Experiment.note = \u201cabc\u201d`. Use plain quotes: "
    "'...'.",
}


@pytest.mark.parametrize(("text", "expected"), [*NAMES.items(), *VALUES.items(), *USES.items()])
def test_one_mistake_gives_one_problem(problems, text, expected):
    assert problems(text) == [expected]


@pytest.mark.parametrize(("text", "expected"), SYNTAX.items())
def test_a_line_that_cannot_be_read_is_shown_with_what_to_write(problems, text, expected):
    assert problems(text) == [f"x.gin:2: cannot read {expected}"]


def test_an_include_inside_of_a_block(problems):
    (found,) = problems("Experiment:\n  include 'good.gin'\n")
    assert found == (
        "x.gin:3: cannot read `include 'good.gin'`. An include is a line of its own, not indented, "
        "above or below the block."
    )


@pytest.mark.parametrize("text", ["include good.gin", "include = 'good.gin'"])
def test_what_an_unread_include_may_set_is_not_called_missing(problems, text):
    (found,) = problems(text, base=False)
    assert found.endswith("Write include 'good.gin'.")


@pytest.mark.parametrize("text", ["Experiment:\n  - seed: 3\n", '{"Experiment": {"seed": 3}}'])
def test_a_file_of_another_format_is_not_told_what_it_lacks(problems, text):
    (found,) = problems(text, base=False)
    assert "cannot read" in found


@pytest.mark.parametrize("zero", ["0", "0.0", "-0.0", "0e5", "False"])
def test_a_zero_is_not_too_small(zero):
    assert parse(f"SEED = {zero}\n").error is None


def test_a_colon_inside_of_a_block(problems):
    assert problems("Experiment:\n  seed: 3") == ["x.gin:3: cannot read `seed: 3`. Write seed = 3."]


def test_a_letter_of_another_alphabet_is_named(problems):
    (found,) = problems("W\u0406DTH = 3")
    assert found.endswith(
        "Did you mean 'WIDTH'? Its '\u0406' is U+0406, cyrillic capital letter byelorussian-"
        "ukrainian i."
    )


def test_all_problems_are_reported_at_once_by_line(problems):
    text = (
        "network.Network.widht = 4\nExperiment.note = nothing\nExperiment.steps = 1e3\n"
        "network.Network.depth = 6\n"
    )
    assert [p.split(": ")[0] for p in problems(text)] == [
        "x.gin:2",
        "x.gin:3",
        "x.gin:4",
        "x.gin:5",
    ]


def test_what_has_no_effect_is_told_beside_a_misspelt_name(problems):
    useless = "WIDHT = 3\ncritc/network.Network.width = 8"
    first, *others = problems(f"Experiment.learner.depth = 4\n{useless}")
    assert first.startswith("x.gin:2: there is no word 'Experiment.learner'.")
    assert others == [
        "x.gin:3: 'WIDHT' is defined, but no '%WIDHT' uses it. Did you mean 'WIDTH'?",
        "x.gin:4: no '@critc/...' refers to the scope 'critc'. Did you mean 'critic'? "
        "Scopes: critic, actor.",
    ]


def test_what_unread_lines_use_is_not_called_unused(problems):
    text = (
        "DEPTH = 8\nNOBODY = 3\ncritic.Critic.energy = @near/energy.Dot(a=%DEPTH)\n"
        "near/energy.NegativeL2.epsilon = 0.1\n"
    )
    found = problems(text)
    assert [line.split(" ")[0] for line in found] == ["x.gin:3:", "x.gin:4:", "x.gin:5:"]
    assert "NOBODY" in found[0]
    assert "cannot read" in found[1]
    assert found[2].endswith("Built of this family: near/energy.Dot.")


def test_what_unread_lines_set_is_not_called_missing(problems):
    text = (
        "Experiment:\n  environment = @env.Maze()\n  critic = @critic.Critic(3)\n"
        "critic.Critic.encoder = @network.Network()\n"
    )
    (found,) = problems(text, base=False)
    assert "cannot read `critic = @critic.Critic(3)`" in found


def test_unread_lines_are_not_missed_elsewhere(problems):
    # The definition of NEW cannot be read; its use is not called undefined.
    assert problems("NEW = 2 * 3\nExperiment.steps = %NEW") == [
        "x.gin:2: cannot read `NEW = 2 * 3`. gin has no arithmetic. Write 6."
    ]


def test_a_misspelt_reference_does_not_make_its_settings_useless(problems):
    text = "critic.Critic.energy = @energy.NegativL2()\nenergy.NegativeL2.epsilon = 0.1"
    assert problems(text) == [
        "x.gin:2: there is no word 'energy.NegativL2'. Did you mean 'energy.NegativeL2'?"
    ]


def test_the_same_problem_on_many_lines_is_one_line(problems):
    text = "netwrk.Network:\n  width = 4\n  depth = 8\n"
    assert problems(text) == [
        "x.gin:3: there is no word 'netwrk.Network'. Did you mean 'network.Network'? "
        "(Also on line 4.)"
    ]


def test_required_settings_are_asked_for_where_the_word_is_built(problems):
    assert problems("Experiment.critic = @critic.Critic()", base=False) == [
        "x.gin: Experiment needs environment. Write Experiment.environment = @env.Maze()",
        "x.gin:1: critic.Critic needs encoder. Write critic.Critic.encoder = ...",
    ]


@pytest.mark.parametrize("text", ["", "# nothing here\n\n", "\n\n"])
def test_an_empty_file_says_so(problems, text):
    assert problems(text, base=False) == [
        "x.gin: it sets nothing. Begin with another file, as in include 'quickstart.gin', or set "
        "Experiment."
    ]


def test_a_value_equal_to_the_default_is_right_whatever_its_type_says(problems):
    # optax annotates no None for some of its defaults.
    assert problems("optimiser.adam.mu_dtype = None") == []


def test_a_line_that_is_indented_too_far(problems):
    (problem,) = problems("Experiment:\n  seed = 1\n    steps = 4\n")
    assert problem == (
        "x.gin:4: cannot read `steps = 4`. The lines of a block must be indented alike."
    )


def test_a_tab_among_blanks_is_named(problems):
    (problem,) = problems("Experiment:\n  seed = 1\n\tsteps = 4\n")
    assert problem == (
        "x.gin:4: cannot read `steps = 4`. The lines of a block must be indented alike; this one "
        "begins with a tab."
    )


@pytest.mark.parametrize(
    ("text", "overrides", "said"),
    [
        ("SEED = %SEDE", [], "x.gin:2: macro '%SEDE' is used but never defined. Did you mean '%SE"),
        (
            "WIDTH = %width",
            [],
            "x.gin:2: macro '%width' is used but never defined. Did you mean '%W",
        ),
        (
            "",
            ["SEED=%seed"],
            "--set SEED=%seed: macro '%seed' is used but never defined. Did you m",
        ),
        (
            "SEED = %SWISH",
            [],
            "x.gin:2: macro '%SWISH' is used but never defined. Did you mean '%ac",
        ),
        ("SEED = %SWITCH", [], "x.gin:2: macro '%SWITCH' is used but never defined."),
    ],
)
def test_a_misspelt_macro_in_the_definition_of_a_macro(problems, text, overrides, said):
    (problem,) = problems(text, *overrides)
    assert problem.startswith(said)
