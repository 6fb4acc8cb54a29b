"""What the lists of the CRM share."""

from django.db.models import Q

from realtime.live.filters import AmountFilter, DayFilter, OneOf, PeriodFilter

NAME = frozenset({"name"})


def bands(column: str, label: str) -> OneOf:
    """One set of bands for prices and totals: the ones that people ask for most."""
    told = {
        "small": ("Under 100", Q((f"{column}__lt", 100))),
        "middle": ("100 to 1,000", Q((f"{column}__range", (100, 1000)))),
        "large": ("Over 1,000", Q((f"{column}__gt", 1000))),
    }
    return OneOf(told, (column,), label=label)


def at_least(column: str, label: str) -> AmountFilter:
    return AmountFilter(field_name=column, lookup_expr="gte", label=f"{label} from")


def at_most(column: str, label: str) -> AmountFilter:
    return AmountFilter(field_name=column, lookup_expr="lte", label=f"{label} up to")


def period(column: str, label: str) -> PeriodFilter:
    return PeriodFilter(field_name=column, label=label)


def since(column: str, label: str) -> DayFilter:
    return DayFilter(field_name=column, label=f"{label} from")


def until(column: str, label: str) -> DayFilter:
    return DayFilter(until=True, field_name=column, label=f"{label} until")
