"""Stands before the real Aim where a test needs none: runs in processes start faster."""

raise ModuleNotFoundError("No module named 'aim'", name="aim")
