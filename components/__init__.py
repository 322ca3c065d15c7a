"""Parts of goal-reaching agents, which the words of gin files build.

    from components import ActorCritic, InfoNCE, ResidualMLP

Names are imported when they are first used, so that importing one part does not load the others.
Environments are in `components.environments`, the types of all parts in `components.protocols`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
