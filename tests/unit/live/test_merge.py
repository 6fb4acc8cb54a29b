"""Two people's changes to one field: nobody's is lost unasked, and nobody is asked without need."""

from hypothesis import given
from hypothesis import strategies as st

from realtime.live.merge import PARAGRAPHS_LIMIT, UNKNOWN, Merged, Verdict, merge, merge_texts

VALUES = st.sampled_from([None, "", "a", "b", 1, 2])
PARAGRAPHS = st.lists(st.sampled_from(["one", "two", "three", "- a\n- b", "", " x "]), max_size=6)
TEXTS = PARAGRAPHS.map("\n\n".join)


@given(base=VALUES, mine=VALUES, theirs=VALUES)
def test_one_side_wins_where_the_other_changed_nothing_and_a_real_conflict_asks(
    base: object, mine: object, theirs: object
) -> None:
    verdict = merge(base, mine, theirs).verdict
    if mine in (base, theirs):
        assert merge(base, mine, theirs) == Merged(Verdict.TAKEN, theirs)
    elif theirs == base:
        assert merge(base, mine, theirs) == Merged(Verdict.KEPT, mine)
    else:
        assert verdict is Verdict.CONFLICT


@given(mine=VALUES, theirs=VALUES)
def test_without_the_original_every_difference_asks(mine: object, theirs: object) -> None:
    assert (merge(UNKNOWN, mine, theirs).verdict is Verdict.CONFLICT) == (mine != theirs)
    assert merge(UNKNOWN, "a", "b", is_text=True).verdict is Verdict.CONFLICT


@given(base=TEXTS, mine=TEXTS, theirs=TEXTS)
def test_a_text_is_merged_the_same_from_both_sides(base: str, mine: str, theirs: str) -> None:
    assert merge_texts(base, mine, theirs) == merge_texts(base, theirs, mine)
    assert merge_texts(base, mine, base) == mine
    assert merge_texts(base, mine, mine) == mine


@given(
    base=st.lists(st.integers(0, 99), min_size=2, max_size=8, unique=True),
    mine=st.sets(st.integers(0, 7)),
    theirs=st.sets(st.integers(0, 7)),
)
def test_each_paragraph_that_only_one_rewrote_is_theirs_and_one_that_both_rewrote_asks(
    base: list[int], mine: set[int], theirs: set[int]
) -> None:
    def rewritten(by: dict[int, str]) -> str:
        return "\n\n".join(by.get(index, f"paragraph {number}") for index, number in enumerate(base))

    mine, theirs = {index for index in mine if index < len(base)}, {index for index in theirs if index < len(base)}
    one, other = ({index: f"{who} {index}" for index in which} for who, which in (("Anna", mine), ("Ben", theirs)))
    merged = merge_texts(rewritten({}), rewritten(one), rewritten(other))
    if mine & theirs:
        assert merged is None
    else:
        assert merged == rewritten(one | other)


@given(base=TEXTS, mine=TEXTS, theirs=TEXTS)
def test_whatever_somebody_added_is_in_the_merged_text(base: str, mine: str, theirs: str) -> None:
    merged = merge_texts(base, mine, theirs)
    if merged is None:
        return
    known = {line.strip() for line in base.split("\n")}
    for line in {*mine.split("\n"), *theirs.split("\n")}:
        if line.strip() not in known:
            assert line.strip() in {told.strip() for told in merged.split("\n")}


def test_something_added_at_the_same_place_asks_and_at_different_places_does_not() -> None:
    base = "one\n\ntwo"
    assert merge_texts(base, f"{base}\n\nmine", f"{base}\n\ntheirs") is None
    assert merge_texts(base, f"{base}\n\nmine", "ONE\n\ntwo") == "ONE\n\ntwo\n\nmine"
    assert merge_texts(base, f"{base}\n\nsame", f"{base}\n\nsame") == f"{base}\n\nsame"


def test_a_text_of_very_many_paragraphs_asks() -> None:
    base = "\n\n".join(str(number) for number in range(PARAGRAPHS_LIMIT + 1))
    assert merge_texts(base, f"mine {base}", f"{base} theirs") is None
