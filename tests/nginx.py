"""The real nginx with the files of deploy/nginx, in front of a portal."""

import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx

from realtime.local.process import LOOPBACK, REPOSITORY, Service, pick_port, port_answers
from tests.live_site import LiveSite, make_web
from tests.prepared import static_files

SHIPPED = REPOSITORY / "deploy" / "nginx"
HOST = "desk.example.com"
PATIENCE_SECONDS = 30.0
MISSING = "nginx is not installed; Debian's package is nginx-light."
# What Debian's nginx.conf has around the files of conf.d and sites-enabled.
AROUND = """
daemon off;
pid {directory}/nginx.pid;
error_log stderr warn;
worker_processes 1;
{user}
events {{ worker_connections 4096; }}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    gzip on;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    include conf.d/livedesk.conf;
    include sites-enabled/livedesk;
}}
"""


def find_nginx() -> str | None:
    # Debian puts it where only root looks.
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


class Nginx:
    """Answers at ``https://127.0.0.1:<port>`` with a certificate that it has signed itself, which ``trust`` knows.

    The files are those of deploy/nginx, in the folders that they name, with another host, prefix, certificate and
    addresses: what docs/DEPLOYMENT.md tells to change.
    """

    def __init__(self, directory: Path, upstreams: list[str], static: Path, prefix: str) -> None:
        program = find_nginx()
        assert program is not None, MISSING
        self._directory, self._prefix, self._static = directory, prefix, static
        self.port, self.plain_port = pick_port(), pick_port()
        self.certificate = directory / "certificate.pem"
        self._write(upstreams)
        self.service = Service(
            name="nginx",
            argv=[program, "-p", str(directory), "-c", str(directory / "nginx.conf")],
            log=directory / "nginx.log",
            env=dict(os.environ),
            ready=lambda: port_answers(self.port),
        )

    @property
    def origin(self) -> str:
        return f"https://{LOOPBACK}:{self.port}"

    @property
    def address(self) -> str:
        """That of the portal, without a slash at its end."""
        return self.origin + self._prefix[:-1]

    def add_portal(self, upstream: str, prefix: str) -> str:
        """A second portal on the host, as docs/DEPLOYMENT.md tells; before nginx is started. Returns its address."""
        name, livedesk = prefix.strip("/"), self._directory / "livedesk"
        with (livedesk / "upstream.conf").open("a") as file:
            file.write(f"upstream {name} {{\n    server {upstream};\n}}\n")
        self._copy("subpath.conf", f"livedesk/{name}.conf", [], prefix)
        copy, server = livedesk / f"{name}.conf", self._directory / "sites-enabled" / "livedesk"
        copy.write_text(copy.read_text().replace("http://livedesk;", f"http://{name};"))
        first = "root.conf" if self._prefix == "/" else "subpath.conf"
        added = f"include livedesk/{first};\n    include livedesk/{name}.conf;"
        server.write_text(server.read_text().replace(f"include livedesk/{first};", added))
        return self.origin + prefix[:-1]

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.origin, verify=self.trust(), trust_env=False, timeout=PATIENCE_SECONDS)

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def _write(self, upstreams: list[str]) -> None:
        for folder in ("conf.d", "sites-enabled", "livedesk"):
            (self._directory / folder).mkdir(parents=True)
        self._make_certificate()
        self._copy("livedesk.conf", "conf.d/livedesk.conf", upstreams, self._prefix)
        self._copy("server.conf", "sites-enabled/livedesk", upstreams, self._prefix)
        for name in ("upstream.conf", "proxy.conf", "static.conf", "root.conf", "subpath.conf"):
            self._copy(name, f"livedesk/{name}", upstreams, self._prefix)
        # Where root starts it, its workers are another account, which doesn't reach this directory.
        user = "user root;" if Path("/proc/self").stat().st_uid == 0 else ""
        (self._directory / "nginx.conf").write_text(AROUND.format(directory=self._directory, user=user))

    def _copy(self, name: str, target: str, upstreams: list[str], prefix: str) -> None:
        text = (SHIPPED / name).read_text()
        servers = "\n".join(f"    server {upstream} max_fails=2 fail_timeout=5s;" for upstream in upstreams)
        text = re.sub(r"( +server 127\.0\.0\.1:\d+[^\n]*\n?)+", f"{servers}\n", text)
        text = re.sub(r" +listen \[::\]:\d+[^\n]*\n", "", text)
        text = text.replace("listen 80;", f"listen {LOOPBACK}:{self.plain_port};")
        text = text.replace("listen 443 ", f"listen {LOOPBACK}:{self.port} ")
        text = re.sub(r"/etc/letsencrypt/live/[^/]+/fullchain\.pem", str(self.certificate), text)
        text = re.sub(r"/etc/letsencrypt/live/[^/]+/privkey\.pem", str(self._directory / "key.pem"), text)
        text = text.replace("/var/lib/livedesk/static/", f"{self._static}/")
        if prefix != "/":
            text = text.replace("livedesk/root.conf", "livedesk/subpath.conf").replace("/portal/", prefix)
            text = text.replace("location = /portal {", f"location = {prefix[:-1]} {{")
        (self._directory / target).write_text(text)

    def _make_certificate(self) -> None:
        names = f"subjectAltName=IP:{LOOPBACK},DNS:localhost,DNS:{HOST}"
        command = f"openssl req -x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN={HOST}"
        files = ("-keyout", str(self._directory / "key.pem"), "-out", str(self.certificate))
        subprocess.run([*command.split(), "-addext", names, *files], check=True, capture_output=True)


def behind(prefix: str) -> dict[str, str]:
    """The settings of a portal that this nginx is in front of."""
    return {
        "URL_PREFIX": prefix,
        "DJANGO_ALLOWED_HOSTS": f"{LOOPBACK},localhost,{HOST}",
        "DJANGO_SECURE_COOKIES": "1",
        "DJANGO_BEHIND_HTTPS_PROXY": "1",
        "TRUSTED_PROXIES": "1",
    }


@contextmanager
def through_nginx(site: LiveSite, prefix: str, directory: Path) -> Iterator[LiveSite]:
    """The same portal by way of nginx: a web process of its own, on the same database and worker."""
    environment = site.environment | behind(prefix)
    web = make_web(environment, directory / "web.log")
    try:
        web.start()
        with nginx_before(replace(site, web=web, environment=environment), directory) as fronted:
            yield fronted
    finally:
        web.stop()


@contextmanager
def nginx_before(site: LiveSite, directory: Path) -> Iterator[LiveSite]:
    """The same site, with its own web process, by way of nginx."""
    nginx = Nginx(directory / "etc", [site.web.address], static_files(), site.prefix)
    try:
        nginx.service.start()
        yield replace(site, address=nginx.address)
    finally:
        nginx.service.stop()
