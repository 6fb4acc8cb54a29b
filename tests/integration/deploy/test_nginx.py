"""The portal behind the shipped nginx configuration: TLS, on a host of its own and below a path."""

import http.client
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.contrib.auth.hashers import make_password
from websockets.sync.client import connect

from project.web_server import WebServer
from tests.live_site import LiveSite, make_web
from tests.nginx import PATIENCE_SECONDS, SHIPPED, Nginx, behind
from tests.prepared import static_files
from ticketing.uploads import FILES_A_FORM

MEGABYTE = 1024 * 1024
PAGES = (
    *("", "crm/products/", "crm/customers/", "crm/acquisitions/", "crm/interactions/", "crm/customers/new/"),
    *("ticketing/tickets/", "ticketing/tickets/new/", "ticketing/board/", "notifications/", "history/", "bulk/"),
    *("drafts/", "search/", "profile/", "admin/", "realtime/status/", "healthz", "readyz", "sw.js", "offline/"),
)


@dataclass
class Portal:
    """What a colleague reaches from outside, signed in."""

    prefix: str
    nginx: Nginx
    client: httpx.Client
    log: Path

    @property
    def cookie_suffix(self) -> str:
        return self.prefix[:-1].replace("/", "_")

    def at(self, path: str) -> str:
        return self.prefix + path

    def post(self, path: str, told: dict[str, str], **more: Any) -> httpx.Response:
        token = self.client.cookies[f"csrftoken{self.cookie_suffix}"]
        headers = {"Referer": f"{self.nginx.address}/"}
        told |= {"csrfmiddlewaretoken": token}
        return self.client.post(self.at(path), data=told, headers=headers, **more)


# Both ways to stand behind nginx, and both servers.
SERVERS = {"/": WebServer.UVICORN, "/portal/": WebServer.DAPHNE}


@pytest.fixture(scope="module", params=SERVERS)
def portal(
    request: pytest.FixtureRequest,
    live_site: LiveSite,
    need: Callable[[str, str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Portal]:
    need("nginx", "nginx-light")
    need("openssl", "openssl")
    directory, prefix = tmp_path_factory.mktemp("nginx"), request.param
    environment = live_site.environment | behind(prefix) | {"EMAIL_URL": "console:"}
    web = make_web(environment, directory / "web.log", SERVERS[prefix])
    nginx = Nginx(directory / "etc", [web.address], static_files(), prefix)
    try:
        web.start()
        nginx.service.start()
        with nginx.client() as client:
            portal = Portal(prefix, nginx, client, web.log)
            client.get(portal.at("sign-in/"))
            answer = portal.post("sign-in/", {"username": live_site.username, "password": live_site.password})
            assert (answer.status_code, answer.headers["Location"]) == (302, prefix), answer.text
            yield portal
    finally:
        nginx.service.stop()
        web.stop()


def test_every_page_is_there_and_leads_nowhere_else(portal: Portal) -> None:
    for path in PAGES:
        answer = portal.client.get(portal.at(path), follow_redirects=path == "profile/")
        assert answer.status_code == 200, path
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        # Its length would tell of the secrets in it (BREACH).
        assert "Content-Encoding" not in answer.headers, path
        links = re.findall(r'\b(?:href|src|action|data-[a-z-]+)="(/[^"]*)"', answer.text)
        # A key that is pressed, no address.
        assert [link for link in links if not link.startswith(portal.prefix) and link != "/"] == [], path


def test_cookies_are_secure_and_stay_below_the_portal(portal: Portal) -> None:
    kept = list(portal.client.cookies.jar)
    assert {cookie.path for cookie in kept} == {portal.prefix}
    assert {cookie.name for cookie in kept} >= {f"sessionid{portal.cookie_suffix}", f"csrftoken{portal.cookie_suffix}"}
    assert all(cookie.secure for cookie in kept if not cookie.name.startswith("timezone"))


def test_a_stranger_is_led_to_the_sign_in_by_https(portal: Portal) -> None:
    with httpx.Client(base_url=portal.nginx.origin, verify=portal.nginx.trust(), trust_env=False) as stranger:
        where = portal.at("crm/products/")
        assert stranger.get(where).headers["Location"] == f"{portal.at('sign-in/')}?next={where}"
    plain = httpx.get(f"http://127.0.0.1:{portal.nginx.plain_port}{where}", trust_env=False)
    assert (plain.status_code, plain.headers["Location"]) == (301, f"https://127.0.0.1{where}")


def test_a_list_is_patched_through_the_socket(portal: Portal, live_site: LiveSite) -> None:
    word = f"w{uuid4().hex[:10]}"
    found = re.search(r'data-live-list="([^"]+)"', portal.client.get(portal.at(f"crm/products/?q={word}")).text)
    assert found is not None
    session = f"sessionid{portal.cookie_suffix}"
    with connect(
        f"{portal.nginx.origin.replace('https', 'wss')}{portal.at('ws/live/')}",
        ssl=portal.nginx.trust(),
        origin=portal.nginx.origin,  # type: ignore[arg-type]
        additional_headers={"Cookie": f"{session}={portal.client.cookies[session]}"},
        open_timeout=PATIENCE_SECONDS,
        max_size=None,
        proxy=None,
    ) as socket:
        socket.send(json.dumps({"type": "attach", "id": 1, "token": unescape(found[1])}))
        wait_for(socket, lambda frame: frame.get("id") == 1)
        with live_site.connect() as sql:
            sql.execute("insert into products (name, price) values (%s, 1)", [f"Lamp {word}"])
        told = wait_for(socket, lambda frame: frame["type"] == "patch" and word in json.dumps(frame))
        assert portal.at("crm/products/") in json.dumps(told)


def wait_for(socket: Any, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    while True:
        frame: dict[str, Any] = json.loads(socket.recv(timeout=PATIENCE_SECONDS))
        if condition(frame):
            return frame


def test_the_largest_attachment_goes_up_and_comes_back(portal: Portal, live_site: LiveSite) -> None:
    with live_site.connect() as sql:
        ticket = sql.execute("select id from tickets order by created_at limit 1").fetchone()
        assert ticket is not None
        content, name = os.urandom(25 * MEGABYTE), f"{uuid4().hex}.zip"
        answer = portal.post(f"ticketing/tickets/{ticket[0]}/attachments/", {}, files={"upload-files": (name, content)})
        assert answer.status_code == 302, answer.text
        kept = sql.execute("select id from attachments where file_name = %s", [name]).fetchone()
    assert kept is not None
    assert portal.client.get(portal.at(f"ticketing/attachments/{kept[0]}/")).content == content


def test_ten_of_them_fit_into_one_request_and_much_more_is_refused_at_once(portal: Portal) -> None:
    assert status_of_body(portal, 261 * MEGABYTE) == 413
    shipped = (SHIPPED / "proxy.conf").read_text()
    limit = re.search(r"client_max_body_size (\d+)m;", shipped)
    example = re.search(r"^ATTACHMENT_MAX_MB=(\d+)$", Path(".env.example").read_text(), re.MULTILINE)
    assert limit is not None
    assert example is not None
    assert int(limit[1]) > int(example[1]) * FILES_A_FORM


def status_of_body(portal: Portal, size: int) -> int:
    """The answer to a request that only announces its body."""
    connection = http.client.HTTPSConnection(
        "127.0.0.1", portal.nginx.port, context=portal.nginx.trust(), timeout=PATIENCE_SECONDS
    )
    connection.putrequest("POST", portal.at("sign-in/"))
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    with connection.getresponse() as answer:
        return answer.status


def test_a_mail_leads_to_the_portal(portal: Portal, live_site: LiveSite) -> None:
    name = f"anna-{uuid4().hex[:8]}"
    with live_site.connect() as sql:
        sql.execute(
            "insert into accounts_user (id, password, username, email, first_name, last_name, is_superuser, is_staff,"
            " is_active, date_joined) values (gen_random_uuid(), %s, %s, %s, '', '', false, true, true, now())",
            [make_password("right-4711"), name, f"{name}@example.org"],
        )
    # The link ends the session of whoever opens it.
    with portal.nginx.client() as stranger:
        forgetful = replace(portal, client=stranger)
        stranger.get(portal.at("account/password/reset/"))
        assert forgetful.post("account/password/reset/", {"email": f"{name}@example.org"}).status_code == 302
        (link,) = re.findall(r"Choose it here: (\S+)", portal.log.read_text())
        assert link.startswith(f"{portal.nginx.address}/account/password/reset/")
        assert stranger.get(link, follow_redirects=True).status_code == 200


def test_an_export_is_a_stream(portal: Portal) -> None:
    answer = portal.client.get(portal.at("crm/products/export.csv"))
    assert answer.status_code == 200
    assert answer.text.count("\n") > 10
    # nginx takes this header for itself.
    assert "X-Accel-Buffering" not in answer.headers


def test_metrics_are_closed(portal: Portal) -> None:
    assert portal.client.get(portal.at("metrics")).status_code == 403


def test_static_files_come_from_the_disk_and_are_kept(portal: Portal) -> None:
    page = portal.client.get(portal.at("sign-in/"), follow_redirects=True).text
    found = re.findall(rf'"({portal.prefix}static/[^"]+\.(?:js|css|svg))"', page)
    assert found
    for address in found:
        answer = portal.client.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["Cache-Control"] == "public, max-age=315360000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "text/" in answer.headers["Content-Type"] or "svg" in answer.headers["Content-Type"]


def test_the_path_alone_leads_to_the_portal(portal: Portal) -> None:
    if portal.prefix != "/":
        answer = portal.client.get(portal.prefix[:-1])
        assert (answer.status_code, answer.headers["Location"]) == (301, portal.prefix)
        assert portal.client.get("/").status_code == 404


def test_both_ways_differ_only_in_the_path() -> None:
    root, below = ((SHIPPED / name).read_text() for name in ("root.conf", "subpath.conf"))

    def directives(text: str) -> list[str]:
        return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]

    lines = directives(below.replace("/portal/", "/"))
    redirect = lines.index("location = /portal {")
    assert lines[:redirect] == directives(root)
