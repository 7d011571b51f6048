"""Where requests go: presets and URLs, the keys they need, and which one is chosen."""
