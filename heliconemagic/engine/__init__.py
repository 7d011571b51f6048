"""The thread that sends: its loop, the run of one step, and how a cell waits for it."""
