"""Recorded lessons: a session in a file, which answers the same cells again on another machine."""
