"""The session as Python has it: ask from code, other libraries' requests as its steps, workers that join it."""
