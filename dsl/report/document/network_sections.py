"""The sections of a report on trained networks: landscapes, embeddings, norms, rollouts."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from matplotlib.figure import Figure

from components.environments.rendering.opengl import RenderError
from dsl.report.data.display import markdown_table, markdown_text, shortened
from dsl.report.data.policies import EPISODES, Trained, longest_success, single_episode
from dsl.report.document.page import Document, Picture
from dsl.report.figures.block_norms import network_profiles, profile_figure
from dsl.report.figures.embeddings import embed_episode, embeddings_figure
from dsl.report.figures.landscape import landscapes_figure, value_landscape
from dsl.training.pictures import draw, render_video

_RUNS = "runs"  # folder of figures of one run each
Shown = dict[Path, list[Picture]]


class Section(NamedTuple):
    """One way to look at trained networks.

    Attributes:
        name: of its files.
        title: of the section.
        needs: what it cannot be made without.
        caption: what is shown.
        look: returns the data to plot for a policy; None or empty if there are none.
        plot: a figure with a panel or a line for each of several.
    """

    name: str
    title: str
    needs: str
    caption: str
    look: Callable[[Trained], Any]
    plot: Callable[[Sequence[str], Sequence[Any]], Figure]


SECTIONS = (
    Section(
        "value_landscape",
        "Value landscape",
        "a task in a maze and a critic",
        "What the critic makes of the policy's own action with the robot at rest at every place "
        "of the maze, for one goal far from the start. Every critic has a scale of its own.",
        lambda one: value_landscape(one.policy),
        landscapes_figure,
    ),
    Section(
        "embeddings",
        "State-action embeddings",
        "a contrastive critic",
        "Embeddings of the states and actions of one episode on their two principal components: "
        f"of {EPISODES} episodes the one that reached its goal from farthest away, or the one that "
        "ended nearest to its goal if none reached it.",
        lambda one: embed_episode(one, longest_success(one)),
        embeddings_figure,
    ),
    Section(
        "block_norms",
        "Norms of residual blocks",
        "residual networks",
        "Above, the L2 norm of what each residual block adds to the residual stream; below, the "
        "same divided by the norm of the stream that enters the block. Means over states of "
        "evaluation episodes.",
        network_profiles,
        profile_figure,
    ),
)


def show_networks(document: Document, trained: Sequence[Trained]) -> Shown:
    """Draw the networks of policies side by side, and of each alone.

    Returns:
        The figures of each run alone, by its folder.
    """
    places = [_place(trained, one) for one in trained]
    shown: Shown = {one.scored_run.run.folder: [] for one in trained}
    for section in SECTIONS:
        for one, picture in _section(document, section, trained, places):
            shown[one.scored_run.run.folder].append(picture)
    rows = []
    for one, place in zip(trained, places, strict=True):
        pictures = _rollout(document, one, place)
        shown[one.scored_run.run.folder] += pictures
        rows.append(
            [
                markdown_text(_name(one)),
                *(f"![]({quote(str(p.path.relative_to(document.folder)))})" for p in pictures),
            ]
        )
    _rollout_section(document, rows)
    return shown


def _section(
    document: Document, section: Section, trained: Sequence[Trained], places: Sequence[str]
) -> list[tuple[Trained, Picture]]:
    found = []
    for one, place in zip(trained, places, strict=True):
        if data := section.look(one):
            found.append((one, place, data))
        else:
            document.say(f"{section.title}: not of {_name(one)}; it takes {section.needs}.")
    if found:
        titles = [one.title for one, _, _ in found]
        figure = section.plot(titles, [data for _, _, data in found])
        document.figure(section.name, figure, section.title, section.caption)
    alone = []
    for one, place, data in found:
        path = document.attach(f"{place}/{section.name}", section.plot([""], [data]))
        alone.append((one, Picture(_of_learner(one, section.name), path)))
    return alone


def _rollout(document: Document, one: Trained, place: str) -> list[Picture]:
    """Draw the episodes from above, and film the one that is embedded."""
    chart, film = (document.folder / place / f"rollout.{kind}" for kind in ("png", "gif"))
    document.write(chart, lambda: draw(one.env, one.episodes, chart))
    name = _of_learner(one, "rollout")
    pictures = [Picture(name, chart)]
    try:
        number = longest_success(one).number
        document.write(
            film, lambda: render_video(one.env, single_episode(one.episodes, number), film)
        )
        pictures.append(Picture(name, film))
    except RenderError as error:  # no OpenGL
        document.say(f"Rollouts: no film of {_name(one)}: {error}")
    return pictures


def _rollout_section(document: Document, rows: Sequence[list[str]]) -> None:
    if rows:
        whole = [[*row, ""][:3] for row in rows]
        document.section("Rollouts", markdown_table(["", "episodes", "one of them, filmed"], whole))


def _place(trained: Sequence[Trained], one: Trained) -> str:
    """Return a folder for the run, named after it."""
    names = [other.scored_run.run.folder.name for other in trained]
    run, learner = one.scored_run.run.folder, one.scored_run.learner
    unique = run.name if names.count(run.name) == 1 else f"{run.parent.name}-{run.name}"
    longest = 200 if unique.isascii() else 60  # of the 255 bytes that file systems allow
    return "/".join([_RUNS, shortened(unique, longest), *([learner] if learner else [])])


def _of_learner(one: Trained, name: str) -> str:
    """Return the name of a figure, with the learner if there are several."""
    learner = one.scored_run.learner
    return f"{learner}_{name}" if learner else name


def _name(one: Trained) -> str:
    return one.title.replace("\n", ", ") or one.scored_run.run.folder.name
