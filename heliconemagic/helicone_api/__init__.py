"""Helicone's own interface: what it has of sessions, and what it is told beside the requests."""
