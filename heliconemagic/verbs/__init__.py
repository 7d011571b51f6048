"""What `%helicone_session` does besides opening a session: its verbs."""
