"""The local model: what it is made of, where it lies, how it gets there, and the server that it answers through."""
