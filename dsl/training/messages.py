"""Writes messages to the user."""

from dsl.records.console_output import write_line as say

__all__ = ["say"]
