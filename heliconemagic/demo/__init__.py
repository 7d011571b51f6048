"""The demo's answers: text about the prompt, plainly not by a language model. Pure."""
