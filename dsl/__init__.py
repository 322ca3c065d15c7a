"""Build, run and read experiments.

    import dsl

    configuration = dsl.load("experiments/quickstart.gin", ["WIDTH=64"])
    folder = dsl.run(configuration, "runs/mine")
    policy = dsl.load_policy(folder)

`dsl.run` is this function. The file `dsl/run.py` is the command `python -m dsl.run`; nothing
imports it as a module, which would put it in the function's place. Names are imported when they
are first used, so that commands start without loading JAX.
"""

import lazy_loader

from dsl.language.registry import fill_default_vocabulary_from

fill_default_vocabulary_from("dsl.vocabulary")
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
