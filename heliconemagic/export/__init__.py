"""A session in one file, in the form that the file's suffix names."""
