"""What apps add to a customer's page: blocks, sources of its timeline, reasons why a customer can't be deleted.

The CRM knows no other app (design rule 20); an app registers its own additions when it starts.
"""

from collections.abc import Callable

from crm.blocks import Block
from crm.models import Customer
from crm.timeline import TimelineSource
from realtime.live.kind import Kind

# How many rows depend on a customer, and the noun for that number: (1, "ticket"), (3, "tickets").
Dependants = Callable[[Customer], tuple[int, str]]

blocks: list[Block] = []
sources: list[TimelineSource] = []
dependants: list[Dependants] = []


def register_block(title: str, region: str, order: int, adds: Kind | None = None) -> None:
    """Shows a block, by ``order``, to users who may see the region.

    The page offers to add a row of the kind ``adds``, in place: the form of a new one takes ``?customer=<id>``.
    """
    blocks.append(Block(title, region, order, adds))


def register_source(source: TimelineSource) -> None:
    """Shows its entries on the timeline to users who have its rights."""
    if any(other.name == source.name for other in sources):
        raise ValueError(f"the timeline has a source '{source.name}' already")
    sources.append(source)


def register_dependants(count: Dependants) -> None:
    dependants.append(count)
