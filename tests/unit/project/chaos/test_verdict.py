from collections import Counter
from pathlib import Path

from project.chaos.observer import Holdings, Logs, unwanted_in
from project.chaos.records import Records
from project.chaos.report import last_line
from project.chaos.verdict import Round


def good_round(seed: int = 1) -> Round:
    return Round(
        seed,
        with_realtime=True,
        injected=Counter({"web killed": 2}),
        committed={5: "5 INSERT", 6: "6 UPDATE"},
        heard={5, 6},
        through_realtime=1,
    )


def test_a_round_in_which_all_is_well_has_no_reasons() -> None:
    assert good_round().reasons() == []


def test_what_is_lost_invented_or_said_twice_fails_it() -> None:
    told = good_round()
    told.heard = {5, 9}
    told.twice = ["5 in worker1"]
    reasons = told.reasons()
    assert [reason.split(":")[0] for reason in reasons] == [
        "1 changes LOST",
        "1 changes heard that nobody committed",
        "1 changes TWICE in one worker's life",
    ]
    assert "6 UPDATE" in reasons[0]


def test_realtime_must_not_be_decoration_where_it_is_enabled() -> None:
    told = good_round()
    told.through_realtime = 0
    assert told.reasons() == ["no event came through Realtime"]
    told.with_realtime = False
    assert told.reasons() == []


def test_the_last_line_counts() -> None:
    bad = good_round(2)
    bad.heard = {5}
    assert (
        last_line([good_round()])
        == "chaos: 1 round, seed 1, 2 faults survived, 2 changes, 0 lost, 0 twice, 0 divergent"
    )
    assert last_line([good_round(), bad]) == (
        "chaos: 2 rounds, seeds 1–2, 2 faults survived, 4 changes, 1 lost, 0 twice, 0 divergent; 1 FAILED"
    )


def test_records_are_read_as_they_grow(tmp_path: Path) -> None:
    records, life = Records(tmp_path), tmp_path / "w-1.record"
    life.write_text("w-1 5 products k insert realtime\nw-1 6 products k upd")
    records.read()
    assert records.heard == {5}
    with life.open("a") as file:
        file.write("ate sweep\nw-1 5 products k insert sweep\n")
    (tmp_path / "w-2.record").write_text("w-2 6 products k update sweep\n")
    records.read()
    assert records.heard == {5, 6}
    assert records.by_path == {"realtime": 1, "sweep": 3}
    assert records.twice == ["5 (insert of products k, sweep) in w-1"]
    records.begin()
    assert (records.heard, records.twice, dict(records.by_path)) == ({5, 6}, [], {})


def test_logs_are_read_from_where_the_round_began(tmp_path: Path) -> None:
    log = tmp_path / "web1.log"
    log.write_text("Traceback (most recent call last):\nValueError: before\n")
    logs = Logs((log,))
    logs.begin()
    assert logs.unwanted() == []
    trace = 'Traceback (most recent call last):\n  File "/x/realtime/hub/hub.py", line 7, in f\nValueError: {}\n'
    with log.open("a") as file:
        file.write("Redis is away\n" + trace.format("a") + trace.format("b") + "Task was destroyed but it is pending\n")
    first, second = logs.unwanted()
    assert first.startswith("web1.log: 2 times ValueError from realtime/hub/hub.py:7")
    assert "1 times Task was destroyed" in second


def test_growth_is_judged_generously() -> None:
    baseline = Holdings(100 << 20, 40)
    assert not Holdings(250 << 20, 130).exceeds(baseline)
    assert Holdings(270 << 20, 40).exceeds(baseline)
    assert Holdings(100 << 20, 150).exceeds(baseline)


def test_a_chain_of_tracebacks_is_one_thing() -> None:
    cause = 'Traceback (most recent call last):\n  File "/lib/redis/connection.py", line 1, in read\nKeyError: 1\n'
    connector = "\nThe above exception was the direct cause of the following exception:\n\n"
    last = 'Traceback (most recent call last):\n  File "/x/realtime/hub/consumer.py", line 9, in f\nOSError: gone\n'
    lines = f"1 ERROR Exception inside application: gone\n{cause}{connector}{last}2 INFO fine\n{last}".splitlines()
    kind = "OSError from realtime/hub/consumer.py:9"
    assert list(unwanted_in(lines)) == [(1, kind), (11, kind)]
