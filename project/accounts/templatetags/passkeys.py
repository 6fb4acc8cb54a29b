import json
from typing import Any

from django import template

register = template.Library()


@register.filter
def as_json(value: Any) -> str:
    """For an attribute that a script reads; scripts of its own would break the policy of the pages."""
    return json.dumps(value)
