from realtime.hub.gaps import EPOCHS_KEPT, MessageNumbers


def test_consecutive_numbers_are_complete_and_a_hole_is_not() -> None:
    numbers = MessageNumbers()
    assert not numbers.is_next("e", "products", 5), "an unknown epoch may have sent anything before"
    assert numbers.is_next("e", "products", 6)
    assert not numbers.is_next("e", "products", 8)
    assert numbers.is_next("e", "products", 9)


def test_a_message_that_comes_twice_is_no_hole() -> None:
    numbers = MessageNumbers()
    numbers.missed("e", {"products": 3})
    assert numbers.is_next("e", "products", 3)
    assert numbers.is_next("e", "products", 4)


def test_two_epochs_at_once_are_counted_apart() -> None:
    numbers = MessageNumbers()
    numbers.missed("a", {"products": 7})
    numbers.missed("b", {"products": 1})
    assert numbers.is_next("a", "products", 8)
    assert numbers.is_next("b", "products", 2)


def test_a_beat_tells_what_never_arrived() -> None:
    numbers = MessageNumbers()
    assert not numbers.knows("e")
    assert numbers.missed("e", {"products": 2, "customers": 0}) == {"products"}
    assert numbers.knows("e")
    assert numbers.missed("e", {"products": 2}) == set()
    assert numbers.missed("e", {"products": 3}) == {"products"}
    assert numbers.is_next("e", "products", 4)


def test_the_first_message_of_a_known_epoch_to_a_new_group_is_number_one() -> None:
    numbers = MessageNumbers()
    numbers.missed("e", {})
    assert numbers.is_next("e", "products", 1)
    assert not numbers.is_next("e", "customers", 2)


def test_old_epochs_are_forgotten() -> None:
    numbers = MessageNumbers()
    for epoch in range(EPOCHS_KEPT + 5):
        numbers.missed(str(epoch), {"products": 1})
    assert len(numbers._last) == EPOCHS_KEPT
