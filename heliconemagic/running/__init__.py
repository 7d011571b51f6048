"""What a cell has under way, whatever it asks for: one step, and how the kernel waits for it."""
