"""Files that include each other, and files that are none."""

import os
from pathlib import Path

import pytest

from dsl.language.configuration import ConfigError, load

pytestmark = pytest.mark.usefixtures("toy")


def problems_of(path):
    with pytest.raises(ConfigError) as found:
        load(path)
    return found.value.problems


def test_an_include_is_found_from_the_file_that_has_it(monkeypatch):
    Path("deep/er").mkdir(parents=True)
    Path("deep/er/base.gin").write_text("include '../../good.gin'\nSEED = 7\n")
    Path("deep/top.gin").write_text("include 'er/base.gin'\n")
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert load("../deep/top.gin").build().seed == 7


def test_an_include_is_found_among_the_shipped_experiments(monkeypatch, tmp_path):
    Path("shipped/base").mkdir(parents=True)
    Path("shipped/base/ours.gin").write_text(Path("good.gin").read_text())
    Path("top.gin").write_text("include 'base/ours.gin'\n")
    monkeypatch.setattr("dsl.language.sources.EXPERIMENTS", tmp_path / "shipped")
    assert load("top.gin").build().seed == 3


def test_the_including_file_wins_and_owes_nothing_for_it():
    # Replacing the only use of WIDTH leaves the base's WIDTH unused.
    Path("top.gin").write_text("include 'good.gin'\nnetwork.Network.width = 8\nSEED = 9\n")
    experiment = load("top.gin").build()
    assert experiment.seed == 9
    assert experiment.actor.settings["width"] == 8


def test_what_a_base_sets_for_a_word_that_the_top_replaces_is_forgiven():
    Path("base.gin").write_text(
        "include 'good.gin'\ncritic.Critic.energy = @energy.NegativeL2()\n"
        "energy.NegativeL2.epsilon = 0.1\n"
    )
    Path("top.gin").write_text("include 'base.gin'\ncritic.Critic.energy = @energy.Dot()\n")
    experiment = load("top.gin").build()
    assert type(experiment.critic.settings["energy"]).__name__ == "Dot"


def test_what_a_base_sets_for_nothing_is_not():
    Path("base.gin").write_text("include 'good.gin'\nenergy.NegativeL2.epsilon = 0.1\n")
    Path("top.gin").write_text("include 'base.gin'\n")
    assert problems_of("top.gin")[0].startswith("base.gin:2: energy.NegativeL2.epsilon has no eff")


def test_an_include_below_what_it_undoes_is_refused():
    Path("top.gin").write_text("SEED = 9\ninclude 'good.gin'\n")
    assert problems_of("top.gin") == [
        "top.gin:1: SEED is set again at good.gin:1, which is included further down and wins. "
        "Move the include above this line."
    ]


def test_a_file_that_is_reached_twice_is_taken_once():
    Path("left.gin").write_text("include 'good.gin'\nSEED = 7\n")
    Path("right.gin").write_text("include 'good.gin'\nWIDTH = 8\n")
    Path("top.gin").write_text("include 'left.gin'\ninclude 'right.gin'\n")
    experiment = load("top.gin").build()
    assert (experiment.seed, experiment.actor.settings["width"]) == (7, 8)


def test_circles_and_missing_files_are_named():
    Path("other.gin").write_text("include 'top.gin'\n")
    Path("top.gin").write_text("include 'other.gin'\ninclude 'god.gin'\ninclude '.'\n")
    missing, folder, circle = problems_of("top.gin")
    assert circle == "other.gin:1: the includes go in a circle: top.gin -> other.gin -> top.gin."
    assert missing.startswith("top.gin:2: there is no file 'god.gin'. Looked in . and ")
    assert missing.endswith(" Did you mean 'good.gin'?")
    assert folder == "top.gin:3: cannot read .: it is a folder."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x80\xff\x00\x01", "it is not text in UTF-8; save it as UTF-8."),
        (b"SEED = 3\x00", "it is not text in UTF-8: it has null characters."),
        (b"SEED = 3\n" * 20_000, "it has 180,000 bytes; a gin file has 100,000 at most."),
    ],
)
def test_files_that_are_no_gin_files(content, said):
    Path("odd.gin").write_bytes(content)
    assert problems_of("odd.gin") == [f"odd.gin: cannot read it: {said}"]


def test_a_missing_file_and_a_folder():
    Path("folder.gin").mkdir()
    assert problems_of("folder.gin") == ["folder.gin: cannot read it: it is a folder."]
    assert problems_of("goood.gin") == [
        "goood.gin: cannot read it: there is no such file. Did you mean 'good.gin'?"
    ]


def test_a_pipe_is_read_once_however_often_includes_are_chosen():
    here = Path.cwd()
    Path("one.gin").write_text("WIDTH = 11\n")
    reader, writer = os.pipe()
    lines = (f"include '{here}/good.gin'", f"include '{here}/%PART.gin'", "PART = 'one'\n")
    os.write(writer, "\n".join(lines).encode())
    os.close(writer)
    try:
        assert width(f"/dev/fd/{reader}") == 11
    finally:
        os.close(reader)


def test_a_device_is_no_ordinary_file():
    assert problems_of("/dev/zero") == ["/dev/zero: cannot read it: it is not a regular file."]


@pytest.mark.skipif(not Path("/proc/kmsg").exists(), reason="a file of Linux")
@pytest.mark.parametrize("path", ["/proc/kmsg", "/proc/self/status"])
def test_files_without_a_size_are_not_read(path):
    assert problems_of(path) == [
        f"{path}: it sets nothing. Begin with another file, as in include 'quickstart.gin', or set "
        "Experiment."
    ]


@pytest.mark.parametrize(
    ("included", "said"),
    [
        ("lost.gin", "lost.gin is a link to nowhere.gin, which does not exist."),
        ("base/*.gin", "'base/*.gin' does not name one file of this machine."),
        ("https://a.org/x.gin", "'https://a.org/x.gin' does not name one file of this machine."),
        ("", "'' does not name one file of this machine."),
    ],
)
def test_what_is_not_the_name_of_a_file(included, said):
    Path("lost.gin").symlink_to("nowhere.gin")
    Path("x.gin").write_text(f"include '{included}'\n")
    assert problems_of("x.gin") == [f"x.gin:1: {said}"]


def test_a_shipped_file_is_suggested_for_a_missing_one():
    (found,) = problems_of("quikstart.gin")
    assert found.endswith("there is no such file. Did you mean 'quickstart.gin'?")


@pytest.mark.parametrize(
    ("included", "suggested"),
    [("good", " Did you mean 'good.gin'?"), ("y.gin", "experiments."), ("x.gn", "experiments.")],
)
def test_a_file_is_suggested_by_its_name_and_never_itself(included, suggested):
    Path("x.gin").write_text(f"include '{included}'\n")
    (found,) = problems_of("x.gin")
    assert found.endswith(suggested)


def test_a_path_is_shown_as_short_as_it_can_be(tmp_path):
    Path("odd.gin").write_bytes(b"\xff")
    assert problems_of(tmp_path / "odd.gin") == [
        "odd.gin: cannot read it: it is not text in UTF-8; save it as UTF-8."
    ]


def test_windows_line_ends_and_a_byte_order_mark_are_read():
    text = Path("good.gin").read_text()
    Path("dos.gin").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load("dos.gin").build().seed == 3


@pytest.fixture
def parts(toy):  # noqa: ARG001
    """`top.gin`, whose PART names one of two files."""
    Path("parts").mkdir()
    Path("parts/one.gin").write_text("WIDTH = 11\n")
    Path("parts/two.gin").write_text("WIDTH = 22\n")
    Path("top.gin").write_text("include 'good.gin'\ninclude 'parts/%PART.gin'\nPART = 'one'\n")


def width(path, *overrides):
    return load(path, overrides).build().actor.settings["width"]


@pytest.mark.usefixtures("parts")
def test_a_macro_names_a_file():
    assert width("top.gin") == 11
    assert width("top.gin", "PART=two") == 22
    assert load("top.gin", ["PART=two"]).macros()["PART"] == "two"


@pytest.mark.usefixtures("parts")
def test_what_a_macro_is_in_the_end_names_the_file():
    Path("later.gin").write_text("include 'top.gin'\nPART = 'two'\n")
    assert width("later.gin") == 22
    # A file that was named may name the next one.
    Path("parts/two.gin").write_text("OTHER = 'one'\n")
    Path("later.gin").write_text("include 'top.gin'\nPART = 'two'\ninclude 'parts/%OTHER.gin'\n")
    assert width("later.gin") == 11


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "'parts/%PART.gin' takes its name from PART, which nothing sets."),
        ("PART = 3", "'parts/%PART.gin' takes its name from PART, which is 3; it must be text."),
        ("PART = 'tow'", "there is no file 'parts/tow.gin'. Looked in . and "),
        ("PART = 'a'", "PART names a file that gives PART another value, and so on without end."),
    ],
)
def test_a_macro_that_names_no_file(line, said):
    Path("parts/a.gin").write_text("PART = 'b'\n")
    Path("parts/b.gin").write_text("PART = 'a'\n")
    Path("top.gin").write_text(f"{line}\ninclude 'good.gin'\ninclude 'parts/%PART.gin'\n")
    found = problems_of("top.gin")
    assert [f.startswith(f"top.gin:3: {said}") for f in found].count(True) == 1
    assert ("Did you mean 'parts/two.gin'?" in found[0]) is ("tow" in line)
