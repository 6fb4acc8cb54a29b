"""One list that changes all the time: few frames, and every page is right in the end. Longer: bin/bench burst."""

from project.bench.burst import HIDDEN, measure
from project.chaos.loop_thread import LoopThread
from realtime.live.definition import Pace
from tests.live_site import LiveSite

SECONDS = 4.0


def test_a_burst_reaches_every_page_in_few_frames_and_hidden_ones_in_none(live_site: LiveSite) -> None:
    loop = LoopThread()
    loop.start()
    try:
        found = measure(live_site.database_url, live_site.web, loop, SECONDS, changes=2_000, sockets=20)
    finally:
        loop.stop()
    # A machine that can't make so many changes gets the window of those that it makes.
    rate = found.changes / found.seconds
    beginning = 1 / Pace().window
    most = beginning + found.seconds / Pace().interval(rate / 2)
    assert found.changes > most
    for number, patches in enumerate(found.patches):
        assert len(patches) <= most
        # What was on its way when it was hidden may still come.
        assert number % 10 != HIDDEN or len(patches) <= 2
    assert max(map(len, found.patches)) > 2
