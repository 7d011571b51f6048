"""Prompts: what ``{{ … }}`` spans are filled with, and how a value becomes text."""
