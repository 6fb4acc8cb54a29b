"""Pages of what there may be millions of, newest first."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

# Counting a million entries costs more than reading a page of them; filters reach further back.
LISTED = 10_000


class NewestPaginator(Paginator):  # type: ignore[type-arg]
    """Pages through the newest entries only, so that its count looks at no more than these."""

    @cached_property
    def count(self) -> int:
        entries: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return entries.order_by()[:LISTED].count()
