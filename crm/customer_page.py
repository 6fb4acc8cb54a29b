"""What other apps add to a customer's page: blocks, and reasons why a customer can't be deleted.

The CRM knows none of these apps (design rule 20); an app registers its own additions when it starts.
"""

from collections.abc import Callable

from crm.blocks import Block
from crm.models import Customer
from realtime.live.kind import Kind

# How many rows depend on a customer, and the noun for that number: (1, "ticket"), (3, "tickets").
Dependants = Callable[[Customer], tuple[int, str]]

blocks: list[Block] = []
dependants: list[Dependants] = []


def register_block(title: str, region: str, order: int, adds: Kind | None = None) -> None:
    """Shows a block, by ``order``, to users who may see the region. The form of ``adds`` takes ``?customer=<id>``."""
    blocks.append(Block(title, region, order, adds))


def register_dependants(count: Dependants) -> None:
    dependants.append(count)
