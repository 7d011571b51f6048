"""The command line: play a session offline, list and show what is recorded, draw trees."""
