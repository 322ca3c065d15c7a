"""Tasks, which are functions that build a `GoalEnvironment`, and engines, which simulate them.

    from components.environments import MJX, ant_maze

    environment = ant_maze(physics=MJX())

Names are imported when they are first used, so that importing one task does not load the others.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
