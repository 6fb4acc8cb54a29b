"""`{% mailto customer.email %}` and `{% tel customer.phone %}`: a link where the value allows one, otherwise only text.

Other writers put anything into these columns; only a plain address or number becomes a link.
"""

import re
from urllib.parse import quote

from django import template
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

PHONE = re.compile(r"\+?[0-9(][0-9 ()./-]{3,30}")


@register.simple_tag
def mailto(address: str) -> SafeString:
    try:
        validate_email(address)
    except ValidationError:
        return plain(address)
    return format_html('<a class="contact" href="mailto:{}">{}</a>', quote(address, safe="@+"), address)


@register.simple_tag
def tel(number: str) -> SafeString:
    digits = re.sub(r"[^0-9+]", "", number)
    # Three digits call somebody in most countries. Fewer digits, or more than any phone number has, call nobody.
    if not PHONE.fullmatch(number) or not 3 <= len(digits.lstrip("+")) <= 15:
        return plain(number)
    return format_html('<a class="contact" dir="ltr" href="tel:{}">{}</a>', digits, number)


def plain(value: str) -> SafeString:
    return format_html('<span class="contact" dir="auto">{}</span>', value)
