"""Bindings and the registry."""

import pytest

from realtime.local.realtime_server.subscriptions import (
    Registry,
    SubscribeError,
    Subscription,
    Viewer,
    acknowledged,
    binding_id,
    parse_binding,
)

VIEWER = Viewer("anon", "{}")


class Nobody:
    def deliver(self, payload: str) -> None:
        raise AssertionError(payload)


def test_ids_depend_on_the_parameters_only() -> None:
    ids = {binding_id({"event": "*", "schema": "public", "table": f"t{number}"}) for number in range(1000)}
    assert len(ids) == 1000
    assert all(0 < number < 2**27 for number in ids)
    assert binding_id({"table": "a", "event": "*"}) == binding_id({"event": "*", "table": "a"})


def test_the_reply_repeats_what_was_sent_sorted() -> None:
    reply = acknowledged({"table": "todos", "select": ["id"], "schema": "public", "filter": "n=eq.1", "event": "*"})
    assert list(reply) == ["id", "event", "filter", "schema", "select", "table"]


def test_a_table_alone_is_in_public() -> None:
    assert parse_binding({"event": "*", "table": "todos"}).schema == "public"


def test_a_binding_needs_a_schema_or_a_table() -> None:
    with pytest.raises(SubscribeError, match=r'subscribe to: %\{"event" => "\*"\}$'):
        parse_binding({"event": "*"})


@pytest.mark.parametrize(("event", "kinds"), [("*", 3), ("INSERT", 1), ("UPSERT", 3)])
def test_an_unknown_event_means_all(event: str, kinds: int) -> None:
    binding = parse_binding({"event": event, "schema": "public"})
    assert sum(binding.wants(kind) for kind in ("INSERT", "UPDATE", "DELETE")) == kinds


def test_bindings_print_as_in_the_error_sentences() -> None:
    params = {"event": "*", "schema": "public", "table": "todos", "filter": "n=eq.abc", "select": ["id", "title"]}
    expected = '[event: *, schema: public, table: todos, filters: [{"n", "eq", "abc", false}], select: ["id", "title"]]'
    assert str(parse_binding(params)) == expected


def test_registry_replaces_and_forgets() -> None:
    registry, subscriber = Registry(), Nobody()
    binding = parse_binding({"event": "*", "schema": "public"})
    registry.replace(subscriber, [Subscription(subscriber, binding, frozenset({1, 2}), VIEWER)])
    assert (len(registry), len(registry.of_table(2)), registry.of_table(3)) == (1, 1, [])
    registry.replace(subscriber, [Subscription(subscriber, binding, frozenset({3}), VIEWER)])
    assert (len(registry), registry.of_table(2), len(registry.of_table(3))) == (1, [], 1)
    registry.remove(subscriber)
    registry.remove(subscriber)
    assert (len(registry), registry.of_table(3)) == (0, [])
