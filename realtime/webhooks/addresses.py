"""Where webhooks may be sent. The portal stands inside a network that a webhook's address must not lead into.

A name is resolved once for each attempt, every address that it has is looked at, and the connection goes to the one
that was looked at: a name that changes in between gains nothing.
"""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
# IPv4 behind a translator.
TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


class AddressRefused(Exception):
    """Why nothing is sent to an address, as a sentence."""


@dataclass(frozen=True, slots=True)
class Target:
    """``host`` is the name that the receiver is called by, ``ip`` where the connection goes."""

    host: str
    port: int
    ip: str


def checked(address: str) -> tuple[str, int]:
    """The host and port of an address that may be written down. Raises ``AddressRefused``."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise AddressRefused(f"“{address}” is no address; it is written like https://example.com/hooks.") from None
    if parts.scheme not in ("https", "http") or not host:
        raise AddressRefused(f"“{address}” is no address of the web; it is written like https://example.com/hooks.")
    if parts.username is not None or parts.fragment:
        raise AddressRefused("An address must not have a user name, a password or a part behind #.")
    if parts.scheme == "http" and not _may_be_plain(host):
        raise AddressRefused("Only https:// is allowed: by http:// anybody on the way could read the rows.")
    literal = _literal(host)
    if literal is not None:
        _check(literal, host)
    return host, port or (443 if parts.scheme == "https" else 80)


async def resolved(address: str) -> Target:
    """Where a request to this address may go now. Raises ``AddressRefused``."""
    host, port = checked(address)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressRefused(f"Nobody knows the name “{host}”.") from None
    addresses = [str(entry[4][0]) for entry in found]
    for one in addresses:
        _check(ipaddress.ip_address(one), host)
    return Target(host, port, addresses[0])


def _may_be_plain(host: str) -> bool:
    return settings.WEBHOOK_PRIVATE_ADDRESSES or (settings.DEBUG and host in LOCAL_NAMES)


def _check(ip: IPAddress, host: str) -> None:
    if settings.WEBHOOK_PRIVATE_ADDRESSES or (settings.DEBUG and ip.is_loopback):
        return
    real = _behind(ip)
    if not real.is_global or real.is_multicast:
        raise AddressRefused(
            f"“{host}” leads to {ip}, inside a private network. If that is meant, set WEBHOOK_PRIVATE_ADDRESSES=1."
        )


def _behind(ip: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in TRANSLATED:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)


def _literal(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
