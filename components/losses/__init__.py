"""Losses of critics and actors."""
