"""The command line: one module for each command; argument parsing only.

`kilolayer COMMAND ...` and `python -m dsl.COMMAND ...` are the same.
"""
