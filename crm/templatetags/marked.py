"""`{{ comment.content|marked }}`: Markdown as HTML, and plain text as people typed it.

CommonMark without what would surprise somebody who only types: line breaks stay, an indented line is no program, a line
of dashes makes no heading. HTML that somebody writes is shown as text, and pictures of other sites aren't loaded.
`{{ comment.content|marked:people }}` also marks mentions of these people (``crm.mentions``).
"""

from collections.abc import Iterable, Iterator, Sequence

import nh3
from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from crm.mentions import People, split

register = template.Library()

TAGS = {
    *("a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "hr", "li", "ol", "p", "pre", "s", "strong", "ul"),
    *("table", "tbody", "td", "th", "thead", "tr"),
}
# Only we make it, of a mention.
SPAN = {"span": {"class", "data-person", "title"}}
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
def marked(text: str, people: People | None = None) -> SafeString:
    tokens = _markdown.parse(text)
    for token in tokens:
        token.tag = HEADINGS.get(token.tag, token.tag)
        if people and token.children:
            token.children = list(_with_mentions(token.children, people))
    html = nh3.clean(
        _markdown.renderer.render(tokens, _markdown.options, {}),
        tags=TAGS | SPAN.keys(),
        attributes={"a": {"href", "title"}, "ol": {"start"}, **SPAN},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return mark_safe(html)  # noqa: S308 - sanitised above


def names_in(text: str) -> set[str]:
    """The names that a Markdown text mentions, in lower case: not those in code, links and mail addresses."""
    if "@" not in text:
        return set()
    inline = (token.children for token in _markdown.parse(text) if token.children)
    return {name for children in inline for words in _words(children) for _, name in split(words.content) if name}


def _words(children: Iterable[Token]) -> Iterator[Token]:
    """What is neither code nor part of a link."""
    depth = 0
    for token in children:
        depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type == "text" and not depth:
            yield token


def _with_mentions(children: Sequence[Token], people: People) -> Iterator[Token]:
    words = {id(token) for token in _words(children)}
    for token in children:
        if id(token) not in words:
            yield token
            continue
        for text, name in split(token.content):
            person = people.get(name) if name else None
            if person is None:
                yield Token("text", "", 0, content=text)
            else:
                tag = '<span class="mention" data-person="{}" title="{}">{}</span>'
                yield Token("html_inline", "", 0, content=format_html(tag, person.key, person.name, text))
