"""How a running step is shown: a live card of widgets, static HTML, terminal text, or not at all."""
