"""Blocks of related rows on a detail page, each a live region of its own."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from realtime.live.definition import definition_named
from realtime.live.first_paint import live_view
from realtime.live.kind import Kind


@dataclass(frozen=True, slots=True)
class Block:
    """``region`` takes one parameter, ``id``: the page's row. ``adds`` is the kind that the block's link creates."""

    title: str
    region: str
    order: int
    adds: Kind | None = None


def shown_blocks(request: HttpRequest, blocks: Iterable[Block], owner: Kind, key: object) -> list[dict[str, Any]]:
    """For the template: the blocks about the row ``key`` of the kind ``owner`` that this user may see."""
    return [
        {"title": block.title, "live": live_view(block.region, {"id": key})} | _way_to_add(request, block, owner, key)
        for block in sorted(blocks, key=lambda block: (block.order, block.title))
        if request.user.has_perm(definition_named(block.region).permission)
    ]


def _way_to_add(request: HttpRequest, block: Block, owner: Kind, key: object) -> dict[str, Any]:
    if block.adds is None or not request.user.has_perm(block.adds.permission("add")):
        return {}
    return {"adds": block.adds, "add_url": f"{reverse(block.adds.create_name)}?{owner.singular}={key}"}
