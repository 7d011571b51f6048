"""Many rows through one cell: reading them, sending them a few at a time, what became of each."""
