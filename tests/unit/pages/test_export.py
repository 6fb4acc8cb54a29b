import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from realtime.pages.export import cell, read_back


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("=1+1", "'=1+1"),
        (" =1+1", " '=1+1"),
        ("-1", "'-1"),
        ("+49 30", "'+49 30"),
        ("@x", "'@x"),
        ("\t=x", "'\t'=x"),
        ("a;=1+1", "a;'=1+1"),
        ("a\n=1+1", "a\n'=1+1"),
        ("shopping:\n- milk\n- eggs", "shopping:\n- milk\n- eggs"),
        ("a - b = c", "a - b = c"),
        ("0301234", "'0301234"),
        ("1234567890123456", "'1234567890123456"),
        ("0", "0"),
        ("", ""),
        (None, ""),
        (12, "12"),
    ],
)
def test_a_cell_shows_its_value_and_computes_nothing(value: object, told: str) -> None:
    assert cell(value) == told


@settings(deadline=None, database=None)
@given(st.text(st.sampled_from("=+-@ \t\r\n;'0123456789ax"), max_size=8).filter(lambda text: "'" not in text))
@example("0301234")
@example("a;=1\n@b")
def test_what_was_exported_is_read_back_as_it_was(text: str) -> None:
    assert read_back(cell(text)) == text


@settings(deadline=None, database=None)
@given(st.text(st.sampled_from("=+-@ \t\n;'0a"), max_size=8))
def test_a_text_that_no_export_has_written_stays(text: str) -> None:
    assert cell(read_back(text)) == text or read_back(text) == text
