"""What a session's times, tokens and costs say about it: figures and findings, without words. Pure."""
