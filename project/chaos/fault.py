"""One kind of fault: what it touches, how long it lasts, how it begins and how it ends."""

import random
from collections.abc import Callable
from dataclasses import dataclass

Inject = Callable[[random.Random, float], None]


def nothing() -> None:
    """For a fault that ends by itself."""


@dataclass(frozen=True)
class Fault:
    name: str
    # Two faults at the same time never touch the same part.
    touches: frozenset[str]
    seconds: tuple[float, float]
    inject: Inject
    mend: Callable[[], None] = nothing
