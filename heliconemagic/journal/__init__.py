"""The record on disk: SQLite behind a facade that no prompt ever waits for."""
