"""The rendered rows that a process keeps take no more memory than allowed, however large or many they are."""

import threading
from sys import getsizeof
from typing import Any

import pytest

from realtime.live import rendering
from realtime.live.rendering import RowRenderer
from realtime.live.snapshot import Row


class Instance:
    def __init__(self, pk: int) -> None:
        self.pk = pk
        self.row_version = self.revision = 1


@pytest.fixture
def renderer(monkeypatch: pytest.MonkeyPatch) -> RowRenderer:
    def render(template: str, instance: Any, row_id: str) -> Row:
        return Row(row_id, "version", "x" * 1_000)

    monkeypatch.setattr(rendering, "_render_row", render)
    monkeypatch.setattr(rendering, "signature", str)
    monkeypatch.setattr(RowRenderer, "LIMIT_BYTES", 50_000)
    return RowRenderer()


def kept(renderer: RowRenderer) -> int:
    return sum(getsizeof(row.html) for row in renderer._cache.values())


def render(renderer: RowRenderer, number: int) -> Row:
    return renderer.render("row.html", Instance(number), (number,))


def test_the_rows_kept_are_bounded_by_their_bytes(renderer: RowRenderer) -> None:
    for number in range(500):
        render(renderer, number)
        assert kept(renderer) <= 50_000
    assert kept(renderer) > 45_000
    assert render(renderer, 499) is render(renderer, 499)
    renderer.forget()
    assert kept(renderer) == renderer._bytes == 0


def test_a_row_larger_than_all_that_is_kept_is_rendered_and_not_kept(
    renderer: RowRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RowRenderer, "LIMIT_BYTES", 500)
    assert render(renderer, 1).id == "1"
    assert kept(renderer) == renderer._bytes == 0


def test_a_row_that_two_threads_render_at_once_counts_once(
    renderer: RowRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_render = threading.Barrier(2, timeout=10)

    def render_together(template: str, instance: Any, row_id: str) -> Row:
        both_render.wait()
        return Row(row_id, "version", "x" * 1_000)

    monkeypatch.setattr(rendering, "_render_row", render_together)
    threads = [threading.Thread(target=render, args=(renderer, 1)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert renderer._bytes == kept(renderer) > 0
