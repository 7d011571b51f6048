"""Files and values that go along with a prompt: read, checked, referred to by hash, and put on the wire."""
