"""Checks of a whole configuration: everything that can be said before anything is built."""
