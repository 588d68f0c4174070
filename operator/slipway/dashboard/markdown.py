"""Markdown of reports and records as HTML that can do nothing: no script, no form, no picture, no style."""

from __future__ import annotations

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

_TAGS = {
    *("a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre"),
    *("strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
_DEEPEST = 6

_reader = MarkdownIt("commonmark", {"html": True}).enable("table")


def rendered(text: str, below: int = 2) -> Markup:
    """The text as HTML. Its first level of headings comes `below` levels under the page's own."""
    tokens = _reader.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(_DEEPEST, int(token.tag[1:]) + below)}"
    for opened, content, closed in zip(tokens, tokens[1:], tokens[2:], strict=False):
        # What heads nothing is read out as a heading without words.
        if opened.type == "th_open" and not content.content:
            opened.tag = closed.tag = "td"
    html = _reader.renderer.render(tokens, _reader.options, {})
    safe = nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href"}},
        # What is too wide is scrolled, also by those who have no mouse.
        set_tag_attribute_values={"pre": {"tabindex": "0"}},
        url_schemes={"http", "https"},
        link_rel="noopener noreferrer",
    )
    return Markup(safe)  # noqa: S704 - it was sanitised right before
