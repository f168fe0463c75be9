"""Trained networks with their cards (room kept; filled when networks ship)."""
