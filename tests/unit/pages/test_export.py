import pytest

from realtime.pages.export import cell


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
