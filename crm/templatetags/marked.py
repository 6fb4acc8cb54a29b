"""`{{ comment.content|marked }}`: Markdown as HTML, and plain text as people typed it.

CommonMark without what would surprise somebody who only types: line breaks stay, an indented line is no program, a line
of dashes makes no heading. HTML that somebody writes is shown as text, and pictures of other sites aren't loaded.
"""

import nh3
from django import template
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

register = template.Library()

TAGS = {
    *("a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "hr", "li", "ol", "p", "pre", "s", "strong", "ul"),
    *("table", "tbody", "td", "th", "thead", "tr"),
}
# The headings of the page itself stand above these.
HEADINGS = {"h1": "h3", "h2": "h4", "h3": "h5", "h4": "h5", "h5": "h5", "h6": "h5"}


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"breaks": True, "html": False, "linkify": True})
    parser.enable(["linkify", "strikethrough", "table"]).disable(["code", "image", "lheading", "reference"])
    assert parser.linkify is not None
    # "readme.md" is a file that somebody talks about, not a site in Moldova.
    parser.linkify.set({"fuzzy_link": False})
    return parser


_markdown = _parser()


@register.filter
def marked(text: str) -> SafeString:
    tokens = _markdown.parse(text)
    for token in tokens:
        token.tag = HEADINGS.get(token.tag, token.tag)
    html = nh3.clean(
        _markdown.renderer.render(tokens, _markdown.options, {}),
        tags=TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return mark_safe(html)  # noqa: S308 - sanitised above
