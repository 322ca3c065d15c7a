"""Figures, each drawn from report data."""
