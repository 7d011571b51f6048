"""How the steps of a session belong together: context, rounds of tools, comparisons, the tree."""
