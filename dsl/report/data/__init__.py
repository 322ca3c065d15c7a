"""Runs, the groups that they form, their scores and their trained policies."""
