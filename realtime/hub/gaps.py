"""Finds holes in the workers' numbered messages. Pure bookkeeping.

Two epochs at once are legal: two workers, or one restarted.
"""

from collections import OrderedDict
from collections.abc import Mapping

# Workers come and go; nobody needs the numbers of a long-gone one.
EPOCHS_KEPT = 16


class MessageNumbers:
    def __init__(self) -> None:
        self._last: OrderedDict[str, dict[str, int]] = OrderedDict()

    def is_next(self, epoch: str, group: str, number: int) -> bool:
        """Notes a message; False when something was missed before it. An unknown epoch may have sent anything."""
        known = epoch in self._last
        numbers = self._numbers(epoch)
        expected = numbers.get(group, 0) + 1
        numbers[group] = max(number, expected - 1)
        return known and number <= expected

    def knows(self, epoch: str) -> bool:
        """Whether this worker was heard before. If not, what its predecessor failed to send is unknown."""
        return epoch in self._last

    def missed(self, epoch: str, numbers: Mapping[str, int]) -> set[str]:
        """Notes what a worker says it has sent; returns the groups where something didn't arrive."""
        last = self._numbers(epoch)
        behind = {group for group, number in numbers.items() if last.get(group, 0) < number}
        last.update({group: max(number, last.get(group, 0)) for group, number in numbers.items()})
        return behind

    def _numbers(self, epoch: str) -> dict[str, int]:
        numbers = self._last.setdefault(epoch, {})
        self._last.move_to_end(epoch)
        if len(self._last) > EPOCHS_KEPT:
            self._last.popitem(last=False)
        return numbers
