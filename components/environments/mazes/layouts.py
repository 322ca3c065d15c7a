"""The shipped mazes, as text: `#` wall, `R` start, `G` goal, `B` ball, `.` free.

The first row of a map lies at x = 0 and x grows downwards; its first column lies at y = 0 and y
grows to the right. `<maze>_eval` keeps the start and moves every goal far from it; `_eval_1f2f3f`
keeps the goals one, two and three cells along the corridor. `big_maze_eval_v2` has one goal more
than `big_maze_eval`; the literature uses both under the same name.

The layouts are those of the ant mazes of Wang et al. (2025), "1000 Layer Networks for
Self-Supervised RL", and of JaxGCRL (Bortkiewicz et al., 2024).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

from components.constraints import Constraint, OneOf, SettingError
from components.environments.mazes.layout_rules import MazeRows
from components.environments.mazes.maze import Maze

# Stitching tasks offer only the layouts listed in `corridors`, the ball maze only `BALL_LAYOUTS`.
LAYOUTS = {
    "u_maze": """
#####
#RGG#
###G#
#GGG#
#####
""",
    "u_maze_eval": """
#####
#R..#
###.#
#GGG#
#####
""",
    "u_maze_single_eval": """
#####
#R..#
###.#
#G..#
#####
""",
    "u_maze_eval_1f2f3f4f5f": """
#####
#RGG#
###G#
#.GG#
#####
""",
    "u_maze_eval_1f2f3f4f": """
#####
#RGG#
###G#
#..G#
#####
""",
    "u_maze_eval_1f2f3f": """
#####
#RGG#
###G#
#...#
#####
""",
    "u_maze_eval_5f6f": """
#####
#R..#
###.#
#GG.#
#####
""",
    "u2_maze": """
######
#RGGG#
####G#
#GGGG#
######
""",
    "u2_maze_eval": """
######
#R...#
####.#
#GGGG#
######
""",
    "u3_maze": """
#######
#RGGGG#
#####G#
#GGGGG#
#######
""",
    "u3_maze_eval": """
#######
#R....#
#####.#
#GGGGG#
#######
""",
    "u3_maze_single_eval": """
#######
#R....#
#####.#
#G....#
#######
""",
    "u4_maze": """
#####
#GGG#
#R#G#
###G#
#G#G#
#GGG#
#####
""",
    "u4_maze_eval": """
#####
#...#
#R#.#
###.#
#G#.#
#GGG#
#####
""",
    "u5_maze": """
########
#GGGGGG#
#R####G#
######G#
#G####G#
#GGGGGG#
########
""",
    "u5_maze_eval": """
########
#......#
#R####.#
######.#
#G####G#
#GGGGGG#
########
""",
    "u5_maze_single_eval": """
########
#......#
#R####.#
######.#
#G####.#
#......#
########
""",
    "u6_maze": """
#######
#GGGGG#
#R###G#
#####G#
#G###G#
#GGGGG#
#######
""",
    "u6_maze_eval": """
#######
#.....#
#R###.#
#####.#
#G###G#
#GGGGG#
#######
""",
    "u7_maze": """
######
#GGGG#
#R##G#
####G#
#G##G#
#GGGG#
######
""",
    "u7_maze_eval": """
######
#....#
#R##.#
####.#
#G##G#
#GGGG#
######
""",
    "big_maze": """
########
#RG##GG#
#GG#GGG#
##GGG###
#GG#GGG#
#G#GG#G#
#GGG#GG#
########
""",
    "big_maze_eval": """
########
#R.##GG#
#..#..G#
##...###
#..#...#
#.#G.#G#
#.GG#GG#
########
""",
    "big_maze_eval_v2": """
########
#R.##GG#
#..#.GG#
##...###
#..#...#
#.#G.#G#
#.GG#GG#
########
""",
    "hardest_maze": """
############
#RGGG#GGGGG#
#G##G#G#G#G#
#GGGGGG#GGG#
#G####G###G#
#GG#G#GGGGG#
##G#G#G#G###
#GG#GGG#GGG#
############
""",
}


BALL_LAYOUTS = {
    "u_maze": """
#####
#RGB#
###G#
#GGG#
#####
""",
    "big_maze": """
########
#R.##GG#
#..#GGG#
##BGB###
#GG#GGG#
#G#GG#G#
#GGG#GG#
########
""",
}

MAZE_ROWS = MazeRows(required="RG")
BALL_MAZE_ROWS = MazeRows(required="RGB")
# The name of a shipped layout, or rows of text.
Layout = Annotated[str, OneOf(tuple(LAYOUTS))] | Annotated[Sequence[str], MAZE_ROWS]
BallLayout = Annotated[str, OneOf(tuple(BALL_LAYOUTS))] | Annotated[Sequence[str], BALL_MAZE_ROWS]


def make_maze(
    layout: str | Sequence[str],
    scale: float = 4.0,
    layouts: Mapping[str, str] = LAYOUTS,
    row_rules: Sequence[Constraint] = (MAZE_ROWS,),
) -> Maze:
    """Return the maze of a name among `layouts`, or of rows of text.

    Args:
        layout: name or rows.
        scale: side of a cell (metres).
        layouts: the layouts that have names.
        row_rules: rules that rows must satisfy.

    Raises:
        SettingError: an unknown name, or rows that break a rule.
    """
    by_name = isinstance(layout, str)
    for rule in [OneOf(tuple(layouts))] if by_name else row_rules:
        problem = rule.problem(layout)
        if problem is not None:
            raise SettingError("layout", problem)
    return Maze(tuple(layouts[layout].split() if by_name else layout), scale)
