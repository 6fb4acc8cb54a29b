"""A ticket's files."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from realtime.live.definition import Params, register
from ticketing.kinds import ATTACHMENT
from ticketing.live.lists import ShortList
from ticketing.models import Attachment


@register
class AttachmentList(ShortList):
    """A ticket's own files; those of a comment are shown with it."""

    kind = ATTACHMENT
    page_size = 200
    templates = ATTACHMENT.templates

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"ticket": str(UUID(str(raw["ticket"])))}

    def queryset(self, params: Params) -> "QuerySet[Attachment]":
        return Attachment.objects.filter(ticket=params["ticket"], comment=None)
