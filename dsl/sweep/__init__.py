"""Sweeps: the trials that a gin file's grid describes, run in several processes."""
