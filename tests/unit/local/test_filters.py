"""Filter strings, good and bad."""

import pytest

from realtime.local.realtime_server.filters import Filter, FilterError, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n=eq.5", [Filter("n", "eq", "5")]),
        ("title=eq.a.b=c", [Filter("title", "eq", "a.b=c")]),
        ("title=eq.", [Filter("title", "eq", "")]),
        ("n=not.gt.5", [Filter("n", "gt", "5", negated=True)]),
        ("title=in.(aa,bb)", [Filter("title", "in", "{aa,bb}")]),
        ('title=in.("a,b","c ""d""",null)', [Filter("title", "in", '{"a,b","c \\"\\"d\\"\\"","null"}')]),
        ('title=eq."a,b"', [Filter("title", "eq", "a,b")]),
        ("n=gt.1,title=neq.x", [Filter("n", "gt", "1"), Filter("title", "neq", "x")]),
        ("n=in.(1,2),m=eq.3", [Filter("n", "in", "{1,2}"), Filter("m", "eq", "3")]),
    ],
)
def test_parse(text: str, expected: list[Filter]) -> None:
    assert list(parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("n=foo.1", '["foo", "1"]'),
        ("garbage", '["garbage"]'),
        ("n=eq", '["eq"]'),
        ("=eq.1", '["=eq.1"]'),
        ("n=in.1,2", '["in", "1"]'),
    ],
)
def test_bad_filters_are_quoted_in_the_sentence(text: str, said: str) -> None:
    with pytest.raises(FilterError) as error:
        parse(text)
    assert str(error.value) == f"Error parsing `filter` params: {said}"


def test_filters_print_as_elixir_tuples() -> None:
    assert str(Filter("n", "eq", 'a"b')) == '{"n", "eq", "a\\"b", false}'
