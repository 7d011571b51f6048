"""The magics' lines: one table of options, read, explained and completed."""
