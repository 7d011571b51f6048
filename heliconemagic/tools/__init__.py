"""Functions of the notebook as tools: their schemas, a call's arguments, and its result as text. Calls no model."""
