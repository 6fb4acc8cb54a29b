"""Files that come in through the portal, and other writers' addresses: kept whole, served harmless, gone in time."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from project.accounts.models import User
from project.environment import Environment
from project.supabase_storage import OPTIONS, supabase_storage_options
from realtime.local.process import LOOPBACK
from tests.integration.databases import forget_all_changes
from tests.integration.ticketing.test_ticketing import address, make_comment, make_ticket, member, post, signed_in, text
from ticketing.file_names import NAME_LIMIT, extension_of, linkable, new_stored_name, safe_name, stored_name
from ticketing.models import Attachment, Comment, Ticket

SMALL = 64 * 1024


@pytest.fixture(autouse=True)
def own_storage(settings: Settings, tmp_path: Path) -> Path:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.ATTACHMENT_MAX_BYTES = SMALL
    return tmp_path / "media"


@pytest.fixture
def agent(db: None) -> User:
    return member("Support agents")


@pytest.fixture
def client(agent: User) -> Client:
    return signed_in(agent)


@pytest.fixture
def ticket(db: None) -> Ticket:
    return make_ticket()


def kept_files(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


def file(name: str = "notes.txt", content: bytes = b"some words", type_: str = "text/plain") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, type_)


def upload(client: Client, ticket: Ticket, *files: SimpleUploadedFile) -> HttpResponse:
    return client.post(address(ticket, "attachments"), {"upload-files": files}, follow=True)


def raw_upload(client: Client, ticket: Ticket, name: bytes, content: bytes = b"words") -> HttpResponse:
    """Sent as no browser would: with exactly this name."""
    body = (
        b'--line\r\nContent-Disposition: form-data; name="upload-files"; filename="' + name + b'"\r\n'
        b"Content-Type: text/plain\r\n\r\n" + content + b"\r\n--line--\r\n"
    )
    where = address(ticket, "attachments")
    return client.post(where, body, content_type="multipart/form-data; boundary=line", follow=True)


def attachment_by_sql(ticket: Ticket, name: str, url: str) -> Attachment:
    """An attachment of another writer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into attachments (ticket_id, file_name, file_url) values (%s, %s, %s) returning id",
            [ticket.pk, name, url],
        )
        return Attachment.objects.get(pk=cursor.fetchone()[0])


def body(response: Any) -> bytes:
    """The whole body, taken piece by piece as an ASGI server does."""

    async def pieces() -> list[bytes]:
        return [piece async for piece in response]

    return b"".join(async_to_sync(pieces)())


# In and out


def test_an_upload_is_kept_under_a_random_path_and_comes_back_whole(
    client: Client, ticket: Ticket, own_storage: Path
) -> None:
    answer = upload(client, ticket, file("Übersicht für Zoë.txt", b"some words"))
    assert "“Übersicht für Zoë.txt” was attached." in text(answer)
    kept = Attachment.objects.get()
    assert (kept.file_name, kept.file_type, kept.file_size) == ("Übersicht für Zoë.txt", "text/plain", 10)
    assert kept.file_url == f"storage:{kept.stored_name}"
    assert [path.relative_to(own_storage).as_posix() for path in kept_files(own_storage)] == [kept.stored_name]
    assert "bersicht" not in kept.file_url

    back = client.get(f"/ticketing/attachments/{kept.pk}/")
    assert body(back) == b"some words"
    assert back.headers["Content-Length"] == "10"
    assert back.headers["Content-Disposition"] == (
        "attachment; filename*=utf-8''%C3%9Cbersicht%20f%C3%BCr%20Zo%C3%AB.txt"
    )
    assert back.headers["Content-Security-Policy"].startswith("sandbox")
    assert back.headers["X-Content-Type-Options"] == "nosniff"
    assert back.headers["Cache-Control"] == "private, no-store"


def test_a_file_is_sent_piece_by_piece(client: Client, ticket: Ticket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ticketing.files.CHUNK", 10_000)
    content = bytes(range(256)) * 100
    upload(client, ticket, file("bytes.zip", content))
    answer: Any = client.get(f"/ticketing/attachments/{Attachment.objects.get().pk}/")
    assert answer.is_async

    async def pieces() -> list[bytes]:
        return [piece async for piece in answer]

    told = asyncio.run(pieces())
    assert [len(piece) for piece in told] == [10_000, 10_000, 5_600]
    assert b"".join(told) == content


def test_several_files_come_in_with_a_comment(client: Client, ticket: Ticket) -> None:
    answer = post(client, address(ticket, "comments"), content="Two files", files=[file("a.txt"), file("b.pdf")])
    comment = Comment.objects.get()
    assert sorted(comment.attachments.values_list("file_name", flat=True)) == ["a.txt", "b.pdf"]
    assert {attachment.ticket_id for attachment in comment.attachments.all()} == {ticket.pk}
    assert "a.txt" in text(answer)
    assert "b.pdf" in text(answer)


def test_files_are_at_no_address_of_their_own(client: Client, ticket: Ticket) -> None:
    upload(client, ticket, file())
    name = Attachment.objects.get().stored_name
    for where in (f"/media/{name}", f"/static/{name}", f"/{name}", f"/ticketing/{name}"):
        assert client.get(where).status_code == 404


def test_a_download_needs_the_right_to_see_attachments(client: Client, ticket: Ticket) -> None:
    upload(client, ticket, file())
    where = f"/ticketing/attachments/{Attachment.objects.get().pk}/"
    assert Client().get(where).headers["Location"] == f"/sign-in/?next={where}"
    assert signed_in(member("CRM staff")).get(where).status_code == 403
    assert body(signed_in(member("Read-only")).get(where)) == b"some words"


def test_only_who_may_add_or_delete_attachments_does(client: Client, ticket: Ticket, own_storage: Path) -> None:
    reader = signed_in(member("Read-only"))
    assert upload(reader, ticket, file()).status_code == 403
    assert kept_files(own_storage) == []
    upload(client, ticket, file())
    attachment = Attachment.objects.get()
    where = f"/ticketing/attachments/{attachment.pk}/delete/"
    assert reader.get(where).status_code == 403
    assert reader.post(where, {"revision": attachment.revision}).status_code == 403
    assert Attachment.objects.exists()


# What is refused


def test_fifty_megabytes_are_refused_in_a_sentence_and_nothing_is_kept(
    client: Client, ticket: Ticket, own_storage: Path
) -> None:
    answer = upload(client, ticket, file("film.mp4", bytes(50 * 1024 * 1024)))
    assert answer.status_code == 422
    assert "“film.mp4” is too large: it has 50\xa0MB, and 64\xa0KB is the most a file may have." in text(answer)
    assert not Attachment.objects.exists()
    assert kept_files(own_storage) == []


def test_what_was_typed_survives_a_file_that_is_too_large(client: Client, ticket: Ticket, own_storage: Path) -> None:
    told = {"files": [file("small.txt"), file("big.txt", bytes(SMALL + 1))], "content": "An hour of typing"}
    answer = client.post(address(ticket, "comments"), told)
    assert answer.status_code == 422
    assert "An hour of typing</textarea>" in text(answer)
    assert "“big.txt” is too large" in text(answer)
    assert not Comment.objects.exists()
    assert kept_files(own_storage) == []


def test_a_file_of_exactly_the_limit_is_kept(client: Client, ticket: Ticket) -> None:
    upload(client, ticket, file("just.txt", bytes(SMALL)))
    assert Attachment.objects.get().file_size == SMALL


@pytest.mark.parametrize(
    ("name", "type_", "sentence"),
    [
        ("page.html", "text/html", "“page.html” can’t be attached: files of type .html are not accepted"),
        ("page.HTML", "text/plain", "files of type .html are not accepted"),
        ("drawing.svg", "image/svg+xml", "files of type .svg are not accepted"),
        ("picture.png.exe", "image/png", "files of type .exe are not accepted"),
        ("noending", "text/plain", "“noending” can’t be attached: its name doesn’t tell its type"),
        ("empty.txt", "text/plain", "“empty.txt” is empty."),
    ],
)
def test_a_file_of_another_type_is_refused_whatever_it_claims_to_be(
    client: Client, ticket: Ticket, own_storage: Path, name: str, type_: str, sentence: str
) -> None:
    content = b"" if name.startswith("empty") else b"<script>alert(1)</script>"
    answer = upload(client, ticket, file(name, content, type_))
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert kept_files(own_storage) == []
    assert not Attachment.objects.exists()


def test_one_bad_file_among_good_ones_keeps_none(client: Client, ticket: Ticket, own_storage: Path) -> None:
    answer = upload(client, ticket, file("good.txt"), file("bad.html"))
    assert "“bad.html” can’t be attached" in text(answer)
    assert kept_files(own_storage) == []


def test_eleven_files_at_once_are_too_many(client: Client, ticket: Ticket, own_storage: Path) -> None:
    answer = upload(client, ticket, *(file(f"{number}.txt") for number in range(11)))
    assert "11 files are too many; at most 10 can be sent at once." in text(answer)
    assert kept_files(own_storage) == []


def test_sending_no_file_says_so(client: Client, ticket: Ticket) -> None:
    answer = client.post(address(ticket, "attachments"), {})
    assert answer.status_code == 422
    assert "Choose a file first." in text(answer)


def test_an_operator_who_allows_html_still_serves_it_as_bytes_to_keep(
    client: Client, ticket: Ticket, settings: Settings
) -> None:
    settings.ATTACHMENT_TYPES = ["html", "svg"]
    for name in ("page.html", "drawing.svg"):
        upload(client, ticket, file(name, b"<script>alert(1)</script>", "text/html"))
        answer = client.get(f"/ticketing/attachments/{Attachment.objects.get(file_name=name).pk}/")
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["Content-Security-Policy"].startswith("sandbox")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


# Names


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../x.txt", "x.txt"),
        ("..\\..\\x.txt", "x.txt"),
        ("C:\\Users\\ada\\notes.txt", "notes.txt"),
        ("/etc/passwd.txt", "passwd.txt"),
        ("a\tb\x01\x1b.txt", "a b.txt"),
        ("invoice\u202etxt.exe.pdf", "invoicetxt.exe.pdf"),
        ("\u2066hidden\u2069.pdf", "hidden.pdf"),
        ("می\u200cخواهم.pdf", "می\u200cخواهم.pdf"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
        ("é" * 300 + ".pdf", "é" * 251 + ".pdf"),
        ("", "file"),
        ("   ", "file"),
        ("..", "file"),
        ("...", "file"),
        (" . .txt", "txt"),
        ("\u202e", "file"),
        ("\ud800.txt", "txt"),
        ("a.reallylongextensionthatisnone", "a.reallylongextensionthatisnone"),
    ],
)
def test_a_name_is_made_safe_and_stays_readable(sent: str, kept: str) -> None:
    assert safe_name(sent) == kept


@given(st.text(max_size=400))
def test_no_name_is_unsafe_once_made_safe(sent: str) -> None:
    name = safe_name(sent)
    assert 1 <= len(name) <= NAME_LIMIT
    assert "/" not in name
    assert "\\" not in name
    assert name not in (".", "..")
    assert not any(character in name for character in "\n\r\t\x00\u202e\u2066")
    assert safe_name(name) == name
    name.encode()


@pytest.mark.parametrize("name", [b"../../x.txt", b"..\\\\..\\\\x.txt", b"%2e%2e%2fx.txt", b"&#46;&#46;&#47;x.txt"])
def test_a_name_that_climbs_stays_in_the_storage(
    client: Client, ticket: Ticket, own_storage: Path, name: bytes
) -> None:
    raw_upload(client, ticket, name)
    kept = Attachment.objects.get()
    assert kept.file_name.endswith("x.txt")
    assert "/" not in kept.file_name
    assert kept_files(own_storage.parent) == [own_storage / kept.stored_name]


def test_a_climbing_name_without_an_ending_is_refused_in_words(
    client: Client, ticket: Ticket, own_storage: Path
) -> None:
    answer = raw_upload(client, ticket, b"../../x")
    assert "“x” can’t be attached: its name doesn’t tell its type" in text(answer)
    assert kept_files(own_storage.parent) == []


@pytest.mark.parametrize("name", ["", "a\r\nSet-Cookie: x=1.txt", 'quo"te.txt', "ends\u202eereh.txt", "x" * 255])
def test_no_name_of_another_writer_breaks_the_download(client: Client, ticket: Ticket, name: str) -> None:
    place = default_storage.save(new_stored_name(), ContentFile(b"words"))
    attachment = attachment_by_sql(ticket, name, f"storage:{place}")
    assert client.get(address(ticket)).status_code == 200
    answer = client.get(f"/ticketing/attachments/{attachment.pk}/")
    assert body(answer) == b"words"
    told = answer.headers["Content-Disposition"]
    assert told.startswith("attachment; filename")
    assert "\n" not in told
    assert "Set-Cookie" not in answer.headers


def test_a_type_of_another_writer_is_never_served(client: Client, ticket: Ticket) -> None:
    place = default_storage.save(new_stored_name(), ContentFile(b"<script>"))
    attachment = attachment_by_sql(ticket, "x.html", f"storage:{place}")
    Attachment.objects.filter(pk=attachment.pk).update(file_type="text/html\r\nX-Evil: 1")
    answer = client.get(f"/ticketing/attachments/{attachment.pk}/")
    assert answer.headers["Content-Type"] == "application/octet-stream"


# Addresses of other writers


@pytest.mark.parametrize("url", ["https://files.example/a.pdf", "http://files.example:8080/a?b=c#d"])
def test_a_web_address_of_another_writer_is_a_careful_link(client: Client, ticket: Ticket, url: str) -> None:
    attachment_by_sql(ticket, "a.pdf", url)
    page = text(client.get(address(ticket)))
    assert f'href="{url}" target="_blank" rel="noopener noreferrer nofollow"' in page
    assert "on <bdi>files.example</bdi>" in page


UNSAFE = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "//files.example/a.pdf",
    "/ticketing/tickets/",
    "https:files.example",
    "https://",
    "https:\\\\files.example",
    "https://files.example\\@evil.example/",
    "https://[files.example",
    "ftp://files.example/a.pdf",
    "storage:../../etc/passwd",
    "storage:attachments/aa/short",
    "storage:",
    "",
]


@pytest.mark.parametrize("url", UNSAFE, ids=repr)
def test_any_other_address_is_shown_as_text_with_a_word_and_leads_nowhere(
    client: Client, ticket: Ticket, url: str
) -> None:
    attachment = attachment_by_sql(ticket, "click-me.pdf", url)
    page = text(client.get(address(ticket)))
    assert "click-me.pdf" in page
    assert "not linked, its address is unsafe" in page
    assert "script:alert(1)&quot;" not in page
    for quoted in ('href="javascript', 'href="data:', 'href="vbscript', 'href="storage', f'href="{url}"'):
        assert not url or quoted not in page.replace(f'href="{url}" aria-current', "").replace(
            'href="/ticketing/tickets/"', ""
        )
    assert client.get(f"/ticketing/attachments/{attachment.pk}/").status_code == 404


@given(st.text(max_size=60))
def test_whatever_is_linkable_begins_with_http(url: str) -> None:
    assert linkable(url) in ("", url)
    if linkable(url):
        assert url.lower().startswith(("http://", "https://"))


def test_only_names_of_our_own_form_reach_the_storage() -> None:
    assert stored_name(f"storage:{new_stored_name()}")
    for url in ("storage:../x", "storage:/etc/passwd", "storage:attachments/../../x", f"storage:{new_stored_name()}\n"):
        assert stored_name(url) == ""
    assert extension_of("archive.tar.GZ") == "gz"


# Gone in time


def test_a_deleted_attachment_takes_its_file_along_when_nobody_can_bring_it_back(
    client: Client, ticket: Ticket, own_storage: Path
) -> None:
    upload(client, ticket, file())
    attachment = Attachment.objects.get()
    where = f"/ticketing/attachments/{attachment.pk}/delete/"
    assert "notes.txt" in text(client.get(where))
    answer = post(client, where, revision=attachment.revision)
    assert "“notes.txt” was deleted." in text(answer)
    # As long as the change log has the row, an undo brings it back.
    assert len(kept_files(own_storage)) == 1
    forget_all_changes()
    assert kept_files(own_storage) == []


def test_a_stale_deletion_deletes_nothing(client: Client, ticket: Ticket, own_storage: Path) -> None:
    upload(client, ticket, file())
    attachment = Attachment.objects.get()
    Attachment.objects.filter(pk=attachment.pk).update(file_name="renamed.txt")
    answer = client.post(f"/ticketing/attachments/{attachment.pk}/delete/", {"revision": attachment.revision})
    assert answer.status_code == 409
    assert len(kept_files(own_storage)) == 1


def test_files_go_with_their_ticket_and_with_their_comment(client: Client, ticket: Ticket, own_storage: Path) -> None:
    manager = signed_in(member("Managers"))
    upload(client, ticket, file())
    for content in ("first", "second"):
        post(client, address(ticket, "comments"), content=content, files=[file()])
    assert len(kept_files(own_storage)) == 3
    comment = Comment.objects.get(content="first")
    assert "1 attachment<" in text(manager.get(f"/ticketing/comments/{comment.pk}/delete/"))
    post(manager, f"/ticketing/comments/{comment.pk}/delete/", revision=comment.revision)
    forget_all_changes()
    assert len(kept_files(own_storage)) == 2
    post(manager, address(ticket, "delete"), revision=ticket.revision)
    forget_all_changes()
    assert kept_files(own_storage) == []


def test_a_file_that_another_row_refers_to_stays(ticket: Ticket, own_storage: Path) -> None:
    place = default_storage.save(new_stored_name(), ContentFile(b"words"))
    first, second = (attachment_by_sql(ticket, "a.txt", f"storage:{place}") for _ in range(2))
    first.delete()
    forget_all_changes()
    assert len(kept_files(own_storage)) == 1
    second.delete()
    forget_all_changes()
    assert kept_files(own_storage) == []


def test_deleting_a_row_with_a_foreign_address_touches_no_file(ticket: Ticket, own_storage: Path) -> None:
    secret = own_storage.parent / "secret"
    secret.write_text("of somebody else")
    for url in ("storage:../secret", f"storage:{secret}", f"file://{secret}"):
        attachment_by_sql(ticket, "a.txt", url).delete()
    forget_all_changes()
    assert secret.exists()


def test_a_file_that_is_missing_is_said_to_be(client: Client, ticket: Ticket) -> None:
    attachment = attachment_by_sql(ticket, "lost.txt", f"storage:{new_stored_name()}")
    answer = client.get(f"/ticketing/attachments/{attachment.pk}/")
    assert answer.status_code == 404
    assert "The file “lost.txt” is missing from the storage." in text(answer)


def test_files_that_nothing_knows_of_any_more_are_cleaned_away_later(
    client: Client, ticket: Ticket, own_storage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("clean_attachments")
    upload(client, ticket, file("kept.txt"), file("lost.txt"), file("fresh.txt"))
    old = time.time() - 7_200
    for attachment in Attachment.objects.exclude(file_name="fresh.txt"):
        os.utime(own_storage / attachment.stored_name, (old, old))
    kept = {attachment.stored_name for attachment in Attachment.objects.exclude(file_name="lost.txt")}
    with connection.cursor() as cursor:
        # The worker that should have deleted its file stopped in between.
        cursor.execute("delete from attachments where file_name <> 'kept.txt'")
        cursor.execute("delete from realtime_change")
    call_command("clean_attachments")
    # A fresh file may belong to an upload whose row isn't written yet.
    assert {path.relative_to(own_storage).as_posix() for path in kept_files(own_storage)} == kept
    assert capsys.readouterr().out.splitlines()[-1] == "1 files without an attachment were deleted."


# Failures half way


def test_a_storage_that_fails_half_way_keeps_nothing(
    client: Client, ticket: Ticket, own_storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, calls = FileSystemStorage._save, []

    def fill_up(storage: FileSystemStorage, name: str, content: Any) -> str:
        calls.append(name)
        if len(calls) == 1:
            return save(storage, name, content)
        path = Path(storage.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"hal")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FileSystemStorage, "_save", fill_up)
    told = {"content": "With files", "files": [file("a.txt"), file("b.txt")]}
    answer = client.post(address(ticket, "comments"), told)
    assert answer.status_code == 503
    assert "Nothing was saved: the file storage doesn’t answer." in text(answer)
    assert "With files</textarea>" in text(answer)
    assert len(calls) == 2
    assert kept_files(own_storage) == []
    assert not Comment.objects.exists()


def test_a_row_that_cannot_be_written_leaves_no_file(
    client: Client, ticket: Ticket, own_storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**columns: object) -> None:
        raise RuntimeError("the database is away")

    monkeypatch.setattr(Attachment.objects, "create", fail)
    with pytest.raises(RuntimeError):
        upload(client, ticket, file())
    assert kept_files(own_storage) == []


def test_a_ticket_that_goes_during_the_upload_leaves_neither_row_nor_file(
    transactional_db: None, own_storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, ticket = signed_in(member("Support agents")), make_ticket()
    save = FileSystemStorage._save

    def slow(storage: FileSystemStorage, name: str, content: Any) -> str:
        with connection.cursor() as cursor:
            cursor.execute("delete from tickets where id = %s", [ticket.pk])
        return save(storage, name, content)

    monkeypatch.setattr(FileSystemStorage, "_save", slow)
    answer = upload(client, ticket, file())
    assert answer.status_code == 404
    assert "Nothing was saved: somebody deleted this ticket in the meantime." in text(answer)
    assert kept_files(own_storage) == []
    assert not Attachment.objects.exists()


# Supabase Storage


class Bucket:
    """What an S3 endpoint does with the requests of an upload, a download and a deletion, path-style."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.headers: list[dict[str, str]] = []
        bucket = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                bucket.headers.append({name.lower(): value for name, value in self.headers.items()})
                bucket.objects[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
                self._answer(200)

            def do_GET(self) -> None:
                self._answer(200 if self.path in bucket.objects else 404, bucket.objects.get(self.path, b""))

            do_HEAD = do_GET

            def do_DELETE(self) -> None:
                bucket.objects.pop(self.path, None)
                self._answer(204)

            def _answer(self, status: int, content: bytes = b"") -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("ETag", '"0"')
                self.send_header("Last-Modified", "Wed, 01 Jan 2025 00:00:00 GMT")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def log_message(self, *arguments: object) -> None:
                """Quietly."""

        self.server = ThreadingHTTPServer((LOOPBACK, 0), Handler)

    @contextmanager
    def serving(self) -> Iterator[str]:
        thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://{LOOPBACK}:{self.server.server_port}/storage/v1/s3"
        finally:
            self.server.shutdown()
            self.server.server_close()
            thread.join()


COMPLETE = dict.fromkeys(OPTIONS, "told") | {"SUPABASE_S3_ENDPOINT": "https://x.supabase.co/storage/v1/s3"}


def test_with_supabase_storage_files_go_to_the_bucket_and_come_back(
    client: Client,
    ticket: Ticket,
    settings: Settings,
    own_storage: Path,
) -> None:
    bucket = Bucket()
    with bucket.serving() as endpoint:
        told = COMPLETE | {"SUPABASE_S3_ENDPOINT": endpoint, "SUPABASE_S3_BUCKET": "desk"}
        options = supabase_storage_options(Environment(told))
        backend = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
        settings.STORAGES = settings.STORAGES | {"default": backend}
        upload(client, ticket, file("a.txt", b"some words"))
        attachment = Attachment.objects.get()
        where = f"/storage/v1/s3/desk/{attachment.stored_name}"
        assert bucket.objects == {where: b"some words"}
        # What Supabase doesn't know isn't sent, and everything is signed.
        assert not any("checksum" in name for name in bucket.headers[0])
        assert bucket.headers[0]["authorization"].startswith("AWS4-HMAC-SHA256 Credential=told/")
        assert body(client.get(f"/ticketing/attachments/{attachment.pk}/")) == b"some words"
        attachment.delete()
        forget_all_changes()
        assert bucket.objects == {}
    assert kept_files(own_storage) == []


def test_without_its_variables_files_stay_on_the_disk() -> None:
    assert supabase_storage_options(Environment({})) == {}


@pytest.mark.parametrize("missing", OPTIONS)
def test_supabase_storage_takes_all_of_its_variables_and_names_the_missing_one(missing: str) -> None:
    told = {name: value for name, value in COMPLETE.items() if name != missing}
    with pytest.raises(ImproperlyConfigured, match=f"^{missing} is not set: Supabase Storage takes all of "):
        supabase_storage_options(Environment(told))


def test_an_endpoint_that_is_no_address_is_named() -> None:
    with pytest.raises(ImproperlyConfigured, match="SUPABASE_S3_ENDPOINT is not a usable address"):
        supabase_storage_options(Environment(COMPLETE | {"SUPABASE_S3_ENDPOINT": "x.supabase.co"}))


def test_the_address_of_a_row_that_is_none_is_not_found(client: Client) -> None:
    for verb in ("", "delete/"):
        assert client.get(f"/ticketing/attachments/{uuid4()}/{verb}").status_code == 404
    assert make_comment(make_ticket()).attachments.count() == 0
