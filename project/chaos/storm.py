"""A storm: faults drawn at random from the table, one or two at a time, each mended when its time is up."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from project.chaos.fault import Fault

AT_ONCE = 2
GAP_SECONDS = (0.5, 3.0)
# A fault that can't be injected (the part it needs is still coming back) is skipped; the next one is drawn.
INJECTION_ERRORS = (OSError, psycopg.Error)


@dataclass
class _Active:
    fault: Fault
    until: float


class Storm:
    """Call ``tick()`` often until ``seconds`` are over, then ``end()``."""

    def __init__(self, faults: Sequence[Fault], chance: random.Random, seconds: float) -> None:
        self.injected: Counter[str] = Counter()
        # What was done when, for investigating a failure.
        self.history: list[str] = []
        self._faults = faults
        self._chance = chance
        self._began = time.monotonic()
        self._until = self._began + seconds
        self._next = self._began + 1.0
        self._active: list[_Active] = []
        self._deck: list[str] = []

    @property
    def over(self) -> bool:
        return time.monotonic() >= self._until

    def tick(self) -> None:
        now = time.monotonic()
        for active in [active for active in self._active if active.until <= now]:
            self._active.remove(active)
            self._mend(active.fault)
        if now >= self._next and len(self._active) < AT_ONCE:
            self._inject(now)

    def end(self) -> None:
        while self._active:
            self._mend(self._active.pop(0).fault)

    def _inject(self, now: float) -> None:
        fault = self._draw()
        if fault is None:
            return
        self._next = now + self._chance.uniform(*GAP_SECONDS)
        seconds = min(self._chance.uniform(*fault.seconds), max(0.2, self._until - now))
        try:
            fault.inject(self._chance, seconds)
        except INJECTION_ERRORS as error:
            self._tell(f"{fault.name} could not be injected: {error}")
            # Part of it may have taken effect.
            self._mend(fault)
            return
        self.injected[fault.name] += 1
        self._active.append(_Active(fault, time.monotonic() + seconds))
        self._tell(f"{fault.name} ({', '.join(sorted(fault.touches))}) for {seconds:.1f} s")

    def _draw(self) -> Fault | None:
        """One variant of a kind from the shuffled deck of all kinds; None when it touches something broken."""
        if not self._deck:
            self._deck = sorted({fault.name for fault in self._faults})
            self._chance.shuffle(self._deck)
        name = self._deck.pop()
        fault = self._chance.choice([fault for fault in self._faults if fault.name == name])
        if any(fault.touches & active.fault.touches for active in self._active):
            # It comes again after all the others.
            self._deck.insert(0, name)
            return None
        return fault

    def _mend(self, fault: Fault) -> None:
        try:
            fault.mend()
        except INJECTION_ERRORS as error:
            self._tell(f"{fault.name} could not be mended yet: {error}")
        else:
            self._tell(f"{fault.name} mended")

    def _tell(self, what: str) -> None:
        self.history.append(f"{time.strftime('%H:%M:%S')} +{time.monotonic() - self._began:5.1f} s  {what}")
