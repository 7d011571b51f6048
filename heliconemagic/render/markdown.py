"""A model's answer, safe to show: as HTML, as HTML that grows with the answer, and as Markdown.

The answer is hostile: HTML in it is text, nothing is loaded, links lead to the web or to mail.
"""

from heliconemagic.render.markdown_html import MarkdownRenderer, render_markdown
from heliconemagic.render.markdown_source import make_safe_markdown
from heliconemagic.render.segments import SegmentedMarkdown

__all__ = ["MarkdownRenderer", "SegmentedMarkdown", "make_safe_markdown", "render_markdown"]
