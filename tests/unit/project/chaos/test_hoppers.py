"""Whoever is told of somebody that has left is seen."""

from collections import Counter

from project.chaos.crowd import Follower
from project.chaos.hoppers import Hoppers
from project.chaos.shown import Shown

VISITED = "/crm/products/7d1f6f3c-6a56-4c5e-9c8e-0d7f0f4f3a11/"
ELSEWHERE = "products/0d7f0f4f-6a56-4c5e-9c8e-7d1f6f3c3a11"


def test_only_somebody_at_a_record_that_hoppers_visited_is_a_ghost() -> None:
    hoppers = Hoppers(["http://web"], {}, {VISITED: [Shown("token", is_list=False)]})
    haunted, right, nobody = (
        Follower(name, "http://web", "/", {}, Counter()) for name in ("haunted", "right", "nobody")
    )
    haunted.presence = {VISITED.removeprefix("/crm/").rstrip("/"): {}, ELSEWHERE: {}}
    right.presence = {ELSEWHERE: {}}
    assert [ghost.who for ghost in hoppers.ghosts([haunted, right, nobody])] == ["haunted"]
