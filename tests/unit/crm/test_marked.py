"""Markdown becomes harmless HTML, and what people merely type stays as they typed it."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.mentions import Person
from crm.templatetags.marked import SPAN, TAGS, marked, names_in


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("Regards\n--\nAnna", "<p>Regards<br>\n--<br>\nAnna</p>"),
        ("    indented", "<p>indented</p>"),
        ("snake_case_name 3 * 4 * 5", "<p>snake_case_name 3 * 4 * 5</p>"),
        ("**b** *i* ~~s~~ `c`", "<p><strong>b</strong> <em>i</em> <s>s</s> <code>c</code></p>"),
        ("see readme.md", "<p>see readme.md</p>"),
        ("# Title", "<h3>Title</h3>"),
        ("<b>x</b>", "<p>&lt;b&gt;x&lt;/b&gt;</p>"),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>"),
        (
            "https://x.example/a_b",
            '<p><a href="https://x.example/a_b" target="_blank" rel="noopener noreferrer nofollow">'
            "https://x.example/a_b</a></p>",
        ),
    ],
)
def test_what_it_becomes(text: str, html: str) -> None:
    assert marked(text).strip() == html


PIECES = [
    "<script>",
    "<img src=x onerror=alert(1)>",
    "](javascript:x)",
    "[a",
    "![",
    "`",
    "**",
    "\n",
    "    ",
    "|",
    "<!--",
    "@anna",
    " @Ben.",
    "<span class=mention>",
]
ANNA = Person('"1', 'A. "x" <script>')


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=12).map("".join))
def test_no_text_makes_a_tag_or_an_address_that_is_not_allowed(text: str) -> None:
    html = marked(text, {"anna": ANNA})
    for tag, attributes in re.findall(r"<\s*/?\s*([a-z0-9]+)([^>]*)>", html):
        assert tag in TAGS | SPAN.keys()
        assert not re.search(r"\son\w+\s*=|javascript:", attributes, re.IGNORECASE)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@anna, (@Ben) and **@carla_b**.", {"anna", "ben", "carla_b"}),
        ("# @t\n> @q\n- @l", {"t", "q", "l"}),
        ("`@a` [@b](https://x.example/@c) https://x.example/@d", set()),
        ("```\n@a\n```", set()),
        ("ben@c.example x@d @anna@example.com", set()),
        ("@a.b. @c-d- @", {"a.b", "c-d"}),
    ],
)
def test_who_is_mentioned(text: str, names: set[str]) -> None:
    assert names_in(text) == names


def test_only_mentions_of_known_people_are_marked() -> None:
    html = marked("@Anna and @ben, `@anna`", {"anna": ANNA})
    assert html.count("<span") == 1
    assert re.search(r'<span class="mention" data-person="&quot;1" title="A. &quot;x&quot; [^"]*">@Anna</span>', html)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=12).map("".join))
def test_marking_changes_nothing_else_and_marks_exactly_who_is_mentioned(text: str) -> None:
    html = marked(text, {"anna": ANNA})
    assert re.sub(r"</?span[^>]*>", "", html) == marked(text)
    assert ("<span" in html) == ("anna" in names_in(text))
