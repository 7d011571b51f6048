"""Saved notebooks, read for the replies in their outputs. Nothing of them is run, and nothing in them is trusted."""
