"""What made the recorded server speak: the statements and tokens behind each transcript, inferred from its frames."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg

from realtime.local.keys import make_jwt
from tests.integration.local.conformance.harness import SECRET, Database

Statement = str | Callable[[Database], None]

ALICE = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
BOB = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
OTHER_SECRET = "another-secret-of-more-than-32-bytes!"
MID = "(select string_agg(md5(i::text), '') from generate_series(1, 20000) i)"
BIG = "(select string_agg(md5(i::text), '') from generate_series(1, 37500) i)"


def service() -> str:
    return make_jwt(SECRET, "service_role")


def user(subject: str) -> Callable[[], str]:
    return lambda: make_jwt(SECRET, "authenticated", sub=subject)


def anon() -> str:
    return make_jwt(SECRET, "anon")


def expired() -> str:
    return make_jwt(SECRET, "service_role", -60)


def other_secret() -> str:
    return make_jwt(OTHER_SECRET, "service_role")


def soon() -> str:
    """Expires in one to two seconds: `exp` has no fractions."""
    return make_jwt(SECRET, "service_role", 2 - time.time() % 1)


@dataclass(frozen=True)
class Scenario:
    """`changes[n]`: statements to run, each in its own transaction, while waiting for the n-th event."""

    changes: dict[int, list[Statement]] = field(default_factory=dict)
    before: list[Statement] = field(default_factory=list)
    after: list[Statement] = field(default_factory=list)
    api_key: Callable[[], str] = service
    tokens: tuple[Callable[[], str], ...] = ()
    by_topic: bool = False
    by_event: bool = False
    refused_as: int | None = None


def _insert(title: str) -> str:
    return f"insert into todos (title) values ('{title}')"


def _late_committer(database: Database) -> None:
    with psycopg.connect(database.url) as first:
        first.execute(_insert("T1-first-stmt"))
        database.run(_insert("T2"))
        first.execute(_insert("T1-second-stmt"))


TODO_X: dict[int, list[Statement]] = {0: [_insert("x")]}

BASIC = Scenario(
    {
        0: [
            "insert into todos (title, n, price, tags, meta) "
            """values ('a', 1, 9.99, '{a,b}', '{"k": 1}')"""
        ],
        1: ["update todos set done = true"],
        2: ["delete from todos"],
    }
)

FILTERS = Scenario(
    {
        0: ["insert into todos (n, title) values (5, 'aa'), (5, 'zz'), (1, 'bb'), (2, 'cc')"],
        3: ["update todos set n = 4 where title = 'zz'; update todos set n = 4 where title = 'cc'"],
        5: ["delete from todos where title = 'aa'; delete from todos where title = 'cc'"],
    }
)

TRANSACTIONS = Scenario(
    {
        0: [
            "".join(f"insert into todos (title, n) values ('t', {n});" for n in range(3))
            + "".join(f"update todos set n = n + 10 where n = {n};" for n in range(3)),
        ],
        6: [
            "insert into todos (title, meta) values ('nul', null), ('uni', '\"é中\"'), ('x', null)",
            "insert into todos (title, n, price, created_at) "
            "values ('num', -5, 12345678.10, '2020-01-01 00:00:00.123456+02')",
        ],
    }
)

BIG_ROWS = Scenario(
    {
        0: [f"insert into full_ident (v, big) values ('big', {BIG})"],
        1: ["update full_ident set v = 'big2'"],
        2: ["delete from full_ident"],
        3: [f"insert into full_ident (v, big) values ('mid', {MID})"],
        4: ["update full_ident set v = 'mid2'"],
        5: ["delete from full_ident"],
    }
)

SCHEMA_WIDE = Scenario(
    {
        0: [
            _insert("q"),
            "insert into full_ident (v) values ('f')",
            "update full_ident set v = 'g'",
            "delete from full_ident",
        ]
    }
)


def _rls(token: Callable[[], str], moments: tuple[int, int, int, int], *former: str) -> Scenario:
    """Alice's and Bob's rows, an update of all, Alice's row given to Bob, everything deleted in this order.

    `moments`: before which event each of the four happens; `former`: titles of Bob's rows that were there before.
    """
    theirs = [*former[:1], "theirs", *former[1:]]
    everything = [*theirs[:2], "mine", *theirs[2:]]
    steps: tuple[list[Statement], ...] = (
        [
            f"insert into todos_rls (owner, title, n) values ('{ALICE}', 'mine', null)",
            f"insert into todos_rls (owner, title, n) values ('{BOB}', 'theirs', null)",
        ],
        [_one_by_one("update todos_rls set title = 'u' where id = {id}", everything)],
        [f"update todos_rls set owner = '{BOB}' where owner = '{ALICE}'"],
        [_one_by_one("delete from todos_rls where id = {id}", everything)],
    )
    changes: dict[int, list[Statement]] = {}
    for moment, statements in zip(moments, steps, strict=True):
        changes.setdefault(moment, []).extend(statements)
    before: list[Statement] = [
        "create table if not exists remembered (title text, id bigint); delete from remembered",
        *(f"insert into todos_rls (owner, title) values ('{BOB}', '{title}')" for title in sorted(former)),
    ]
    return Scenario(changes, before, tokens=(token,))


def _one_by_one(statement: str, titles: list[str]) -> Callable[[Database], None]:
    """In one transaction; rows are named by their first titles, in this order."""

    def run(database: Database) -> None:
        if database.value("select count(*) from remembered") == 0:
            database.run("insert into remembered select title, id from todos_rls")
        ids = [database.value(f"select id from remembered where title = '{title}'") for title in titles]
        database.run(";".join(statement.format(id=number) for number in ids))

    return run


def _numbered(prefix: str, numbers: range) -> list[Statement]:
    return [_insert(f"{prefix}{number}") for number in numbers]


SCENARIOS: dict[str, Scenario] = {
    "basic": BASIC,
    "auth-apikey-expires-midsession": Scenario(api_key=soon),
    "auth-expired-apikey": Scenario(api_key=expired),
    "auth-expires-midsession": Scenario(tokens=(soon,)),
    "auth-garbage-apikey": Scenario(api_key=lambda: "garbage"),
    "auth-join-anon": Scenario(TODO_X, tokens=(anon,)),
    "auth-join-expired": Scenario(after=[_insert("x")], tokens=(expired,)),
    "auth-join-garbage": Scenario(after=[_insert("x")]),
    "auth-join-no-token": Scenario(TODO_X),
    "auth-join-unknown-role": Scenario(after=[_insert("x")], tokens=(lambda: make_jwt(SECRET, "martian"),)),
    "auth-join-wrong-secret": Scenario(after=[_insert("x")], tokens=(other_secret,)),
    "auth-no-apikey": Scenario(api_key=lambda: ""),
    "auth-no-role": Scenario(api_key=lambda: make_jwt(SECRET, None)),  # type: ignore[arg-type]
    "auth-refresh-expired": Scenario(after=[_insert("x")], tokens=(service, expired)),
    "auth-refresh-garbage": Scenario(after=[_insert("x")]),
    "auth-refresh-wrong-secret": Scenario(after=[_insert("x")], tokens=(service, other_secret)),
    "auth-unknown-tenant": Scenario(refused_as=404),
    "auth-wrong-secret": Scenario(api_key=other_secret),
    "bigrow": BIG_ROWS,
    "cold-1": Scenario({n: [_insert(f"as{n}")] for n in range(10)}),
    "commit-order": Scenario(
        {0: [_late_committer], 3: ["insert into todos (title) select 'bulk' from generate_series(1, 52)"]}
    ),
    "ddl-during-subscription": Scenario(
        {
            0: ["insert into late (id, title) values (13, 'l12')"],
            1: ["alter table late add extra int4", "insert into late (title, extra) values ('withextra', 9)"],
        }
    ),
    "dup-bindings": Scenario({0: [_insert("dup")]}, by_topic=True),
    "err-bad-event": Scenario(TODO_X),
    "err-bad-filter-column": Scenario(after=[_insert("x")]),
    "err-bad-filter-op": Scenario(after=[_insert("x")]),
    "err-bad-filter-syntax": Scenario(after=[_insert("x")]),
    "err-bad-filter-value": Scenario(after=[_insert("x")]),
    "err-no-table-schema": Scenario(after=[_insert("x")]),
    "err-nonexistent-table": Scenario(after=[_insert("x")]),
    "err-one-good-one-bad": Scenario(after=[_insert("x")]),
    "err-unpublished-table": Scenario(after=["insert into unpublished (title) values ('x')"]),
    "filters": FILTERS,
    "malformed": Scenario(),
    "misc": Scenario(),
    "no-heartbeat": Scenario(),
    "pg-restart": Scenario({0: _numbered("p", range(5, 59))}),
    "rls-anon-v1": _rls(anon, (0, 0, 0, 0), "former 2", "former 1"),
    "rls-anon-v2": _rls(anon, (0, 0, 0, 0), "former 1"),
    "rls-insert-then-delete": Scenario({0: ["insert into todos_rls (title) values ('gone'); delete from todos_rls"]}),
    "rls-user-a-v1": _rls(user(ALICE), (0, 1, 2, 2), "former 2", "former 1"),
    "rls-user-a-v2": _rls(user(ALICE), (0, 1, 2, 2), "former 1"),
    "rls-user-b-v1": _rls(user(BOB), (0, 1, 4, 5), "former 2", "former 1"),
    "rls-user-b-v2": _rls(user(BOB), (0, 1, 3, 4), "former 1"),
    "schemawide": SCHEMA_WIDE,
    "shutdown-KILL-direct": Scenario(),
    "shutdown-KILL-via-nginx": Scenario(),
    "shutdown-TERM-direct": Scenario(),
    "shutdown-TERM-via-nginx": Scenario(),
    "token-refresh": Scenario({0: _numbered("r", range(20)), 20: _numbered("r", range(20, 53))}, by_event=True),
    "txn": TRANSACTIONS,
}


def scenario(record: str) -> Scenario:
    """The scenario of a transcript; versions share one unless their rows differ."""
    return SCENARIOS.get(record) or SCENARIOS[record.rsplit("-", 1)[0]]
