"""Figures handed to the runs that they show: kept in the run's folder, and shown in Aim."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dsl.records.durable_files import describe_refused_write
from dsl.records.run_folder import keep_picture
from dsl.report.document.page import Picture
from dsl.tracking.add_runs import add_runs
from dsl.tracking.aim_repository import repository_path

PREFIX = "report_"


def publish_pictures(
    pictures: Mapping[Path, Sequence[Picture]], say: Callable[[str], None]
) -> None:
    """Keep pictures in run folders, and bring Aim up to date where the runs are in it.

    Pictures are files of the run like any other: a report made again replaces them, and Aim has
    them again when it is made anew.

    Args:
        pictures: by run folder.
        say: receives a line about progress and about what cannot be done.
    """
    kept = [folder for folder, mine in pictures.items() if _keep(folder, mine, say)]
    for root in dict.fromkeys(folder.parent for folder in kept):
        mine = [folder for folder in kept if folder.parent == root]
        if not repository_path(root).exists():
            say(f"Aim: there is no {repository_path(root)}; python -m dsl.track {root} makes one.")
        elif problems := add_runs(mine, root, lambda line: say(f"Aim: {line}"), rebuild=False):
            for problem in problems:
                say(f"Aim: {problem}")
            say(f"Aim: python -m dsl.track {root} adds the figures later.")


def _keep(folder: Path, pictures: Sequence[Picture], say: Callable[[str], None]) -> bool:
    try:
        for picture in pictures:
            keep_picture(folder, PREFIX + picture.name, picture.path)
    except OSError as error:
        say(f"{describe_refused_write(folder, error)} It has no copies of the figures.")
        return False
    return True
