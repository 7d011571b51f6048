"""The allow list that rendered Markdown passes last, whatever the renderer before it let through."""

from __future__ import annotations

TAGS = frozenset(
    """
    p h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code hr br strong em s a table thead tbody tr th td div span
    """.split()  # noqa: SIM905 (a word a line would be thirty lines)
)
URL_SCHEMES = frozenset({"http", "https", "mailto"})
_ATTRIBUTES = {"a": {"href"}, "ol": {"start"}, "th": {"align"}, "td": {"align"}}
_BLOCK_CLASSES = {"highlight", "highlight hm-part", "hm-math"}


class Sanitiser:
    """Cleans HTML with nh3: known elements, no style, no id, no handler, nothing loaded from elsewhere."""

    def __init__(self) -> None:
        from pygments.token import STANDARD_TYPES  # type: ignore[import-untyped]

        self._options: dict[str, object] = {
            "tags": set(TAGS),
            "attributes": {tag: set(names) for tag, names in _ATTRIBUTES.items()},
            "tag_attribute_values": {
                "div": {"class": set(_BLOCK_CLASSES)},
                "span": {"class": {name for name in STANDARD_TYPES.values() if name}},
            },
            "set_tag_attribute_values": {"a": {"target": "_blank"}},
            "url_schemes": set(URL_SCHEMES),
            "link_rel": "noopener noreferrer",
        }

    def clean(self, html: str) -> str:
        """``html`` without what isn't on the list; balanced, so that it cannot close what is around it."""
        import nh3

        return nh3.clean(html, **self._options)  # type: ignore[arg-type]
