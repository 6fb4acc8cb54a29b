"""What `bin/demo` shows: its data, its team at work, and its contract as a process."""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import F, Max, Min
from django.db.models.functions import Length
from django.test import Client
from django.utils import timezone

from crm.models import Acquisition, Customer, Interaction, Product
from project.accounts.groups import GROUPS, verbs_of
from project.accounts.models import User
from project.demo import seeding
from project.demo.colleagues import COLLEAGUES
from project.demo.seeding import USUAL, Seeding
from project.demo.team import Team
from project.demo.work import SLACK
from realtime.database.actor import acting_user
from realtime.local.postgres import EmbeddedPostgres
from realtime.local.process import LOOPBACK, REPOSITORY, die_with_parent, ended, pick_port
from realtime.models import LiveModel, RealtimeChange
from ticketing.models import Attachment, Comment, Ticket

PATIENCE = 120
VERBS = {"INSERT": "add", "UPDATE": "change", "DELETE": "delete"}


@pytest.fixture
def tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the rows, for tests where the number doesn't matter."""
    for model, size in USUAL.items():
        monkeypatch.setitem(USUAL, model, size // 10)


@pytest.fixture
def seeded(db: None, tenth: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_PASSWORD", "a-word")
    call_command("seed_demo")


def sizes() -> dict[type[LiveModel], int]:
    return {model: model._default_manager.count() for model in USUAL}


@pytest.mark.usefixtures("seeded")
def test_every_table_is_filled_and_a_second_time_adds_nothing() -> None:
    assert sizes() == USUAL
    people = User.objects.count()
    call_command("seed_demo")
    assert sizes() == USUAL
    assert User.objects.count() == people


@pytest.mark.django_db
def test_the_rows_are_believable_and_ask_something_of_the_pages() -> None:
    call_command("seed_demo")
    assert sizes() == USUAL
    assert Acquisition.objects.exclude(total_amount=F("quantity") * F("product__price")).count() == 0
    assert not Comment.objects.filter(created_at__lt=F("ticket__created_at")).exists()
    assert not Attachment.objects.exclude(comment=None).exclude(comment__ticket=F("ticket")).exists()
    assert not Attachment.objects.exclude(file_url__startswith="https://files.example.com/").exists()
    assert set(Ticket.objects.values_list("status", flat=True)) == set(Ticket.Status)
    assert set(Ticket.objects.values_list("priority", flat=True)) == set(Ticket.Priority)
    assert set(Interaction.objects.values_list("type", flat=True)) == set(Interaction.Type)
    for nothing in ({"email": ""}, {"phone": ""}):
        assert Customer.objects.filter(**nothing).exists()
    assert Ticket.objects.filter(customer=None).exists()
    assert Ticket.objects.filter(assigned_to=None).exists()
    staff = User.objects.values("pk")
    assert Ticket.objects.exclude(assigned_to=None).exclude(assigned_to__in=staff).exists(), "an unknown assignee"
    names = " ".join(Customer.objects.values_list("name", flat=True))
    for script in ("[א-ת]", "[ء-ي]", "[а-я]", "[ぁ-ん]", "[가-힣]", "[अ-ह]", "[α-ω]", "[ก-ฮ]", "ł"):
        assert re.search(script, names), f"no name in {script}"
    lengths = Customer.objects.aggregate(longest=Max(Length("name")), shortest=Min(Length("name")))
    assert lengths["longest"] > 300
    assert lengths["shortest"] < 5


@pytest.mark.usefixtures("seeded")
def test_nothing_lies_in_the_future_and_the_newest_is_of_today_or_so() -> None:
    now = timezone.now()
    for model in USUAL:
        newest = model._default_manager.aggregate(at=Max("created_at"))["at"]
        assert now - timedelta(days=14) < newest <= now, model
    assert not Interaction.objects.filter(interaction_at__gt=now).exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("tenth")
def test_the_same_rows_come_out_each_time() -> None:
    """So screenshots and measurements can be repeated."""
    now = timezone.now()

    def made() -> list[tuple[Any, ...]]:
        with transaction.atomic():
            Seeding({}, now).fill()
            fields = [("name",), ("name", "email"), ("total_amount", "customer"), ("notes",), ("title", "status")]
            rows = [
                tuple(model._default_manager.order_by("created_at", "id").values_list("pk", "created_at", *columns))
                for model, columns in zip(USUAL, [*fields, ("content",), ("file_name",)], strict=True)
            ]
            transaction.set_rollback(True)
        return rows

    assert made() == made()


@pytest.mark.django_db
def test_what_somebody_has_entered_is_not_mixed_with_made_up_rows() -> None:
    Customer.objects.create(name="A real customer")
    call_command("seed_demo")
    assert sizes() == dict.fromkeys(USUAL, 0) | {Customer: 1, Product: USUAL[Product]}


@pytest.mark.django_db
@pytest.mark.usefixtures("tenth")
def test_a_demo_that_had_only_products_gets_the_rest() -> None:
    lamp = Product.objects.create(name="The only product", price="3.50")
    call_command("seed_demo")
    assert sizes() == USUAL | {Product: 1}
    assert Acquisition.objects.filter(product=lamp).count() == USUAL[Acquisition]


def triggers_and_indexes() -> list[tuple[Any, ...]]:
    """Of the demo's tables: each trigger and when it fires, each index."""
    tables = [model._meta.db_table for model in USUAL]
    with connection.cursor() as cursor:
        cursor.execute(
            "select tgrelid::regclass::text, tgname::text, tgenabled::text from pg_trigger"
            " where tgrelid = any(%s::regclass[]) union all"
            " select tablename, indexdef, '' from pg_indexes where tablename = any(%s) order by 1, 2",
            [tables, tables],
        )
        # PostgreSQL writes a list of words in another way when it reads its own definition.
        return [(table, re.sub(r" = ANY .*", "", told), enabled) for table, told, enabled in cursor.fetchall()]


@pytest.mark.django_db
@pytest.mark.usefixtures("tenth")
def test_asked_for_many_rows_it_makes_them_quickly_and_leaves_the_tables_as_they_were() -> None:
    before = triggers_and_indexes()
    call_command("seed_demo", rows=900)
    asked = seeding.sizes(900)
    assert sizes() == asked
    assert asked[Ticket] == 900
    assert asked[Customer] == 270
    assert asked[Product] == USUAL[Product]
    assert triggers_and_indexes() == before
    # The newest were made by the team; the change log doesn't reach back to the others.
    logged = RealtimeChange.objects.filter(table_name="tickets").order_by().values("row_key").distinct()
    assert logged.count() == USUAL[Ticket]
    newest = Ticket.objects.order_by("-created_at", "-id")[: USUAL[Ticket]]
    assert {str(key) for key in newest.values_list("pk", flat=True)} == {key["row_key"] for key in logged}
    for model in USUAL:
        revisions = list(model._default_manager.values_list("revision", flat=True))
        assert len(set(revisions)) == len(revisions), model
        assert min(revisions) > 0
    oldest = Ticket.objects.order_by("created_at").first()
    assert oldest is not None
    assert oldest.updated_at == oldest.created_at
    oldest.title = "Renamed"
    oldest.save()
    oldest.refresh_from_db()
    assert oldest.revision > max(Ticket.objects.exclude(pk=oldest.pk).values_list("revision", flat=True))
    assert RealtimeChange.objects.filter(row_key=oldest.pk).count() == 1, "its triggers fire again"

    call_command("seed_demo", rows=950)
    assert sizes() == asked, "about as many are there"
    with pytest.raises(CommandError, match=r"--rows asks for 2,000 tickets.*900 tickets among them.*--reset"):
        call_command("seed_demo", rows=2000)
    assert sizes() == asked


@pytest.mark.django_db
@pytest.mark.usefixtures("tenth")
def test_a_team_keeps_the_size_that_was_asked_for() -> None:
    call_command("seed_demo", rows=900)
    team = Team(random.Random(7), 900)
    for _ in range(150):
        team.act()
    for model, size in seeding.sizes(900).items():
        assert size - 50 <= model._default_manager.count() <= size * (1 + SLACK) + 1, model


@pytest.mark.usefixtures("seeded")
def test_each_colleague_signs_in_with_the_demos_password_and_has_his_groups_rights() -> None:
    for colleague in COLLEAGUES:
        client = Client()
        assert client.login(username=colleague.username, password="a-word")
        user = User.objects.get(username=colleague.username)
        assert [group.name for group in user.groups.all()] == [colleague.group]
        assert not user.is_superuser
    assert {colleague.group for colleague in COLLEAGUES} == set(GROUPS)
    assert Client().login(username="demo", password="a-word")


@pytest.mark.usefixtures("seeded")
def test_a_second_start_signs_nobody_out_and_a_new_password_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(User.objects.values_list("username", "password"))
    call_command("seed_demo")
    assert dict(User.objects.values_list("username", "password")) == before
    monkeypatch.setenv("DEMO_PASSWORD", "another-word")
    call_command("seed_demo")
    assert Client().login(username="jonas", password="another-word")
    assert not Client().login(username="demo", password="a-word")


# The team at work


@pytest.fixture
def team() -> Team:
    return Team(random.Random(7))


@pytest.mark.usefixtures("seeded")
def test_the_team_works_on_every_table_within_its_rights_and_the_tables_keep_their_sizes(team: Team) -> None:
    start = RealtimeChange.objects.aggregate(last=Max("revision"))["last"]
    told = [team.act() for _ in range(400)]
    assert sum(map(bool, told)) > 380
    for model, count in sizes().items():
        # Whole conversations go at once, so a table may fall further below its size than it rises above it.
        assert USUAL[model] - 50 <= count <= USUAL[model] * (1 + SLACK) + 1, model

    groups = {str(user.pk): user.groups.get().name for user in User.objects.exclude(username="demo")}
    done = set(RealtimeChange.objects.filter(revision__gt=start).values_list("actor", "table_name", "op"))
    labels = {model._meta.db_table: model._meta.label_lower for model in USUAL}
    assert {(table, op) for _, table, op in done} >= {(table, "INSERT") for table in labels}
    for actor, table, op in done:
        # What is deleted along with its ticket is no act of its own.
        if (table, op) not in (("comments", "DELETE"), ("attachments", "DELETE")):
            allowed = verbs_of(groups[actor], labels[table])
            assert VERBS[op] in allowed, f"{groups[actor]} may not {VERBS[op]} {table}"


@pytest.mark.usefixtures("seeded")
def test_the_team_tells_what_it_did_in_sentences(team: Team) -> None:
    told = [team.act() for _ in range(60)]
    names = [f"{one.first_name} {one.last_name}" for one in COLLEAGUES]
    assert all(any(line.startswith(f"{name} ") for name in names) for line in told if line)
    assert not any(line.startswith("Viktor") for line in told), "who only reads does nothing"
    assert any(" commented on tickets " in line for line in told)
    key, tables = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "|".join(model._meta.db_table for model in USUAL)
    assert all(re.search(rf" ({tables}) {key}", line) for line in told if line), "what is worked on is told by its key"


@pytest.mark.usefixtures("seeded")
def test_the_log_of_the_team_holds_nothing_that_a_record_holds(team: Team) -> None:
    told = "\n".join(team.act() for _ in range(150))
    columns = ((Customer, "name"), (Product, "name"), (Ticket, "title"), (Attachment, "file_name"))
    held = [text for model, column in columns for text in model._default_manager.values_list(column, flat=True)]
    assert [text for text in held if text in told] == []


@pytest.mark.usefixtures("seeded")
def test_tables_that_are_too_large_shrink_and_a_visitors_rows_stay(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    with acting_user(str(uuid4())):
        own = [
            Product.objects.create(name="A visitor's product"),
            Customer.objects.create(name="A visitor"),
            Ticket.objects.create(title="A visitor's ticket", status="closed"),
        ]
    for model in USUAL:
        monkeypatch.setitem(USUAL, model, 0)
    before = sizes()
    for _ in range(200):
        team.act()
    after = sizes()
    assert all(after[model] <= before[model] for model in USUAL)
    assert after[Ticket] < before[Ticket]
    assert after[Acquisition] < before[Acquisition]
    for row in own:
        assert type(row)._default_manager.filter(pk=row.pk).exists(), f"{row} was taken away"


@pytest.mark.django_db
def test_the_team_has_nothing_to_do_in_an_empty_portal_without_people(team: Team) -> None:
    assert [team.act() for _ in range(10)] == [""] * 10
    assert set(sizes().values()) == {0}


@pytest.mark.django_db
def test_the_team_begins_in_an_empty_portal(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Seeding, "fill", lambda self: {})
    call_command("seed_demo")
    assert set(sizes().values()) == {0}
    for _ in range(150):
        team.act()
    assert all(sizes().values()), sizes()


def test_without_its_packages_the_command_line_says_in_one_sentence_where_they_are() -> None:
    bare = [sys.executable, "-S", "manage.py", "check"]
    done = subprocess.run(bare, cwd=REPOSITORY, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    assert done.returncode != 0
    assert "'django' isn't installed" in done.stderr
    assert ".venv/bin/python" in done.stderr
    assert len(done.stderr.splitlines()) == 1


# The whole of it, as a process


@dataclass
class Demo:
    """Its own clone, so that nothing touches the data of a demo that runs in this one."""

    clone: Path
    port: int
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["bin/demo", "--port", str(self.port), *arguments],
            cwd=self.clone,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )


UNWANTED = (".git", ".local", ".venv", "node_modules", "__pycache__", ".*_cache", ".hypothesis", "records")


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """The working tree as it is, with this session's packages, so that nothing needs installing."""
    root = Path(tempfile.mkdtemp(prefix="livedesk-demo-"))
    root.chmod(0o711)
    clone = root / "clone"
    shutil.copytree(REPOSITORY, clone, ignore=shutil.ignore_patterns(*UNWANTED))
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    lend_packages(clone)
    # None of the services of this test session: the demo brings its own. The packages are named by their real path;
    # otherwise the demo would copy PostgreSQL for a place that it sees for the first time.
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
    environment = {name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONPATH": packages}
    yield Demo(clone, pick_port(), environment)
    EmbeddedPostgres(clone / ".local" / "postgres", 1).remove()
    shutil.rmtree(root)


def lend_packages(clone: Path) -> None:
    """Makes the clone's .venv the one these tests run in, already marked as holding what requirements.txt names."""
    (clone / ".venv").mkdir()
    for entry in Path(sys.prefix).iterdir():
        if not entry.name.startswith("."):
            (clone / ".venv" / entry.name).symlink_to(entry)
    stamp = '. bin/_venv; fingerprint "$root/requirements.txt" > "$venv/.installed-requirements.txt"'
    subprocess.run(["bash", "-c", stamp], cwd=clone, check=True)


def until_ready(process: "subprocess.Popen[str]") -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if line.startswith("Ready: "):
            return lines
    raise AssertionError(f"the demo ended: {lines}, {process.stderr.read() if process.stderr else ''}")


def test_the_demo_as_a_process(demo: Demo) -> None:
    """All in one test, because a start takes time: ready, usable by others, mended, and gone without a trace."""
    process = demo.start()
    try:
        lines = until_ready(process)
        assert lines[-1] == f"Ready: {demo.url}/  sign in as demo / demo"
        assert "jonas (Support agents)" in lines[-2]
        for service in ("PostgreSQL", "Redis", "Realtime", "Web", "Worker", "Activity"):
            assert any(re.match(rf"{service} +\S* +pid \d+ ", line) for line in lines), service

        told = sourced(demo, "PORTAL_URL", "DEMO_USER", "DEMO_PASSWORD", "DATABASE_URL", "REDIS_URL", "SUPABASE_URL")
        assert told["PORTAL_URL"] == demo.url
        assert (told["DEMO_USER"], told["DEMO_PASSWORD"]) == ("demo", "demo")
        with urllib.request.urlopen(f"{demo.url}/healthz", timeout=10) as answer:
            assert answer.status == 200
        with psycopg.connect(told["DATABASE_URL"]) as connection:
            assert connection.execute("select count(*) > 2900 from tickets").fetchone() == (True,)
        check = subprocess.run(
            ["bash", "-c", ". .local/demo.env && .venv/bin/python manage.py supabase_check"],
            cwd=demo.clone,
            env=demo.environment,
            capture_output=True,
            text=True,
        )
        assert check.returncode == 0, check.stdout + check.stderr

        second = demo.start()
        said = second.communicate(timeout=PATIENCE)[1]
        assert second.returncode == 1
        assert said.strip() == f"bin/demo: The demo of this clone is already running (pid {process.pid}, {demo.url}/)."

        pids = dict(line.split("=") for line in (demo.clone / ".local" / "demo.pids").read_text().split())
        os.kill(int(pids["worker"]), signal.SIGKILL)
        assert process.stdout is not None
        assert re.match(r"Worker was killed by signal 9 and was restarted \(pid \d+", process.stdout.readline())
        pids = dict(line.split("=") for line in (demo.clone / ".local" / "demo.pids").read_text().split())
    finally:
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert rest.splitlines() == ["Stopping …"]
    assert errors == ""
    assert len(pids) == 7
    assert all(ended(int(pid)) for pid in pids.values())
    assert not (demo.clone / ".local" / "demo.pids").exists()
    assert processes_in(demo.clone) == []


def test_a_busy_port_is_one_clear_sentence(demo: Demo) -> None:
    with socket.create_server((LOOPBACK, demo.port)):
        process = demo.start()
        out, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert errors.strip() == (
        f"bin/demo: Port {demo.port} is already in use: stop what listens there, or choose another with --port."
    )
    assert out.replace("Stopping …", "").strip() == ""


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["--port", "0"], {}, "0 is no port: it takes 1 to 65535"),
        (["--rows", "200"], {}, "200 tickets: it takes 3,000 to 1,000,000"),
        (
            [],
            {"DATABASE_URL": "postgres://x/y"},
            "DATABASE_URL set, but REDIS_URL and SUPABASE_URL and SUPABASE_KEY not",
        ),
    ],
)
def test_bad_arguments_are_told_before_anything_starts(
    demo: Demo, arguments: list[str], environment: dict[str, str], sentence: str
) -> None:
    process = Demo(demo.clone, demo.port, demo.environment | environment).start(*arguments)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert sentence in errors
    assert "Traceback" not in errors


def sourced(demo: Demo, *names: str) -> dict[str, str]:
    """What a shell has after `. .local/demo.env`."""
    script = ". .local/demo.env; " + "; ".join(f'printf "%s\\n" "${name}"' for name in names)
    told = subprocess.run(["bash", "-eu", "-c", script], cwd=demo.clone, env={}, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    return dict(zip(names, told.stdout.splitlines(), strict=True))


def processes_in(directory: Path) -> list[str]:
    """The command lines of processes that still work in the clone, or on its data."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(entry / "cwd")).is_relative_to(directory):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found
