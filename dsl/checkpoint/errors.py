"""What may be wrong with a checkpoint: it was harmed, or it belongs to something else.

A third case, that it cannot be read now, is `dsl.records.durable_files.UnreadableError`.
"""

from dsl.errors import UsageError


class DamagedError(Exception):
    """A checkpoint was read and is not what was written; says which file and why."""


class IncompatibleError(UsageError):
    """A healthy checkpoint of another format or of another state; names both sides.

    Whoever meets one must leave the checkpoint as it is: the version that wrote it can read it.
    """
