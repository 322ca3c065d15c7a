"""The errors which a user can mend; the command line prints them without a traceback."""


class UsageError(Exception):
    """What was asked for cannot be done; the message says where, what was found and what to do."""


class RecordError(Exception):
    """The record of a run can no longer be written, so that training on would lose results."""
