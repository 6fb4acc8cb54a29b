"""Numbers in the reader's own language: a row is rendered once for everybody, so the browser writes them.

Without JavaScript the number stands as the server has it.
"""

from decimal import Decimal

from django.template.defaultfilters import floatformat
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

NOTHING = "–"


def local_number(value: Decimal | float | None, places: int | None = None) -> SafeString:
    """A number for static/js/elements/local-number.js, with so many ``places`` behind the point (None: those it has).

    Rounded here, so that everybody reads the same number.
    """
    if value is None:
        return SafeString(NOTHING)
    if places is None:
        plain = f"{value:f}" if isinstance(value, Decimal) else str(value)
        shown = number_format(value, force_grouping=True)
    else:
        plain, shown = floatformat(value, f"{places}u"), floatformat(value, f"{places}g")
    return format_html('<local-number><data value="{}">{}</data></local-number>', plain, shown)
