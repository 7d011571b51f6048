"""Steps and sessions as HTML, Markdown, plain text and code. Pure: values in, text out."""
