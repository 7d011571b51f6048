"""The use cases: what a person can do in a notebook."""
