"""Tasks: functions that build a `GoalEnvironment`.

    from components.environments import ant_maze

Names are imported when they are first used, so that importing one task does not load the others.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
