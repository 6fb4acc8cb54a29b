"""The table of process, network and Supabase Realtime faults; ``schema_faults.py`` has those of the database."""

import random
from collections.abc import Callable, Coroutine
from typing import Any

from project.chaos.fault import Fault, Inject
from project.chaos.proxy import Proxy
from project.chaos.schema_faults import schema_faults
from project.chaos.site import WEBS, WORKERS, Site
from project.chaos.writers import TABLES


def all_faults(site: Site) -> list[Fault]:
    faults = [*_process_faults(site), *_redis_faults(site), *_postgres_faults(site), *_front_faults(site)]
    faults += schema_faults(site)
    return [*faults, *_realtime_faults(site)] if site.with_realtime else faults


def _process_faults(site: Site) -> list[Fault]:
    faults = []
    for names, kind in ((WORKERS, "worker"), (WEBS, "web")):
        for name in names:
            faults += [_killed(site, f"{kind} kill -9", name, (0.2, 4)), _frozen(site, f"{kind} frozen", name, (3, 15))]
    both = frozenset(WORKERS)
    return [
        *faults,
        Fault("both workers down", both, (2, 10), lambda *_: site.kill(*WORKERS), lambda: site.release(*WORKERS)),
        *(_ended(site, "worker restarted in order", name, (0.2, 2)) for name in WORKERS),
        *(_ended(site, "web restarted in order", name, (0.2, 2)) for name in WEBS),
    ]


def _killed(site: Site, name: str, service: str, seconds: tuple[float, float]) -> Fault:
    touches = frozenset([service])
    return Fault(name, touches, seconds, lambda *_: site.kill(service), lambda: site.release(service))


def _ended(site: Site, name: str, service: str, seconds: tuple[float, float]) -> Fault:
    touches = frozenset([service])
    return Fault(name, touches, seconds, lambda *_: site.end(service), lambda: site.release(service))


def _frozen(site: Site, name: str, service: str, seconds: tuple[float, float]) -> Fault:
    process = site.services[service]
    return Fault(name, frozenset([service]), seconds, lambda *_: process.freeze(), process.thaw)


def _redis_faults(site: Site) -> list[Fault]:
    hops = [site.proxies[name, "REDIS_URL"] for name in (*WORKERS, *WEBS)]
    single = [
        fault
        for proxy in hops
        for fault in (
            _proxied(site, "Redis cut off for one process", ("redis", proxy.name), [proxy], Proxy.cut, (1, 12)),
            _proxied(site, "Redis stalled for one process", ("redis", proxy.name), [proxy], Proxy.stall, (1, 15)),
            _aborted(site, "Redis connection aborted at any byte", ("redis", proxy.name), [proxy]),
        )
    ]
    return [
        *single,
        _killed(site, "Redis kill -9", "redis", (0.2, 8)),
        _frozen(site, "Redis frozen", "redis", (2, 12)),
        _proxied(site, "Redis cut off for all", ("redis",), hops, Proxy.cut, (1, 10)),
    ]


def _postgres_faults(site: Site) -> list[Fault]:
    faults = [
        _killed(site, "Postgres kill -9", "postgres", (0.2, 3)),
        _ended(site, "Postgres restarted fast", "postgres", (0.1, 2)),
        _frozen(site, "Postgres frozen", "postgres", (1, 10)),
    ]
    for names, kind in ((WORKERS, "worker"), (WEBS, "web")):
        for name in names:
            hop = [site.proxies[name, "DATABASE_URL"]]
            faults += [
                _proxied(site, f"Postgres cut off for one {kind}", (f"{name} postgres",), hop, Proxy.cut, (1, 8)),
                _proxied(site, f"Postgres stalled for one {kind}", (f"{name} postgres",), hop, Proxy.stall, (1, 15)),
                _proxied(site, f"Postgres black hole for one {kind}", (f"{name} postgres",), hop, Proxy.hole, (1, 12)),
                _delayed(site, f"Postgres slow for one {kind}", (f"{name} postgres",), hop, (2, 10)),
                _aborted(site, f"Postgres connection of a {kind} aborted at any byte", (f"{name} postgres",), hop),
            ]
    return faults


def _front_faults(site: Site) -> list[Fault]:
    faults = []
    for name in WEBS:
        front = [site.proxies[name, "front"]]
        faults += [
            _proxied(site, "web cut off", (name,), front, Proxy.cut, (0.3, 8)),
            _proxied(site, "web stalled", (name,), front, Proxy.stall, (1, 20)),
            _proxied(site, "web a black hole", (name,), front, Proxy.hole, (1, 12)),
            _delayed(site, "web slow", (name,), front, (2, 10)),
            _aborted(site, "web sockets aborted at any byte", (name,), front),
        ]
    return faults


def _realtime_faults(site: Site) -> list[Fault]:
    hops = [site.proxies[name, "SUPABASE_URL"] for name in WORKERS]
    proxied = [
        fault
        for proxy in hops
        for fault in (
            _proxied(site, "Realtime cut off for one worker", ("realtime", proxy.name), [proxy], Proxy.cut, (1, 10)),
            _proxied(site, "Realtime stalled for one worker", ("realtime", proxy.name), [proxy], Proxy.stall, (2, 15)),
            _aborted(site, "Realtime socket aborted at any byte", ("realtime", proxy.name), [proxy]),
        )
    ]
    return [
        *proxied,
        _killed(site, "Realtime kill -9", "realtime", (0.2, 10)),
        _frozen(site, "Realtime process frozen", "realtime", (2, 12)),
        *_switched(site),
    ]


def _switched(site: Site) -> list[Fault]:
    """Faults that the Realtime server inflicts on itself when asked."""
    faults = site.faults
    codes = (1000, 1001, 1011, 1012, 4000)

    def then_abort(first: Callable[[], None]) -> None:
        """Drops the connections: only those who have to join notice a fault of joining."""
        first()
        faults.abort()

    lasting: dict[str, Inject] = {
        "Realtime black-out": lambda chance, seconds: faults.blackout(seconds),
        "Realtime drops events": lambda chance, _: faults.drop(chance.randint(1, 20)),
        "Realtime late": lambda chance, _: faults.delay(chance.uniform(0.2, 3)),
        "Realtime tells twice": lambda *_: faults.duplicate(),
        "Realtime freezes": lambda chance, seconds: faults.freeze(seconds),
        "Realtime refuses handshakes": lambda chance, _: then_abort(
            lambda: faults.refuse_http(chance.choice((401, 429, 503)), count=chance.randint(1, 3))
        ),
        "Realtime refuses joins": lambda chance, _: then_abort(
            lambda: faults.refuse_join("ConnectionRateLimitReached: Too many connected users", chance.randint(1, 8))
        ),
        "Realtime ignores joins": lambda chance, _: then_abort(lambda: faults.ignore_join(chance.randint(1, 3))),
        "Realtime forgets to confirm": lambda chance, _: then_abort(lambda: faults.forget_system(chance.randint(1, 8))),
    }
    instant: dict[str, Inject] = {
        "Realtime aborts": lambda *_: faults.abort(),
        "Realtime tokens expire": lambda *_: faults.expire(),
        "Realtime garbage frame": lambda *_: faults.garbage(),
        "Realtime error event": lambda chance, _: faults.error_event(chance.choice(TABLES)),
        "Realtime system error": lambda chance, _: faults.system_error(chance.choice(TABLES)),
        "Realtime channel phx_error": lambda chance, _: faults.error_channel(chance.choice((None, *TABLES))),
        "Realtime channel phx_close": lambda chance, _: faults.close_channel(chance.choice((None, *TABLES))),
    } | {f"Realtime closes with {code}": _closing(site, code) for code in codes}
    realtime = frozenset(["realtime"])
    return [
        *(Fault(name, realtime, (2, 12), inject, faults.reset) for name, inject in lasting.items()),
        *(Fault(name, realtime, (1, 4), inject) for name, inject in instant.items()),
    ]


def _closing(site: Site, code: int) -> Inject:
    return lambda *_: site.faults.close(code)


def _proxied(
    site: Site,
    name: str,
    touches: tuple[str, ...],
    proxies: list[Proxy],
    how: Callable[[Proxy], Coroutine[Any, Any, None]],
    seconds: tuple[float, float],
) -> Fault:
    def inject(chance: random.Random, seconds: float) -> None:
        for proxy in proxies:
            site.loop.run(how(proxy))

    return Fault(name, frozenset(touches), seconds, inject, _mending(site, proxies))


def _delayed(
    site: Site, name: str, touches: tuple[str, ...], proxies: list[Proxy], seconds: tuple[float, float]
) -> Fault:
    def inject(chance: random.Random, seconds: float) -> None:
        for proxy in proxies:
            site.loop.run(proxy.delay(chance.uniform(0.02, 0.5)))

    return Fault(name, frozenset(touches), seconds, inject, _mending(site, proxies))


def _aborted(site: Site, name: str, touches: tuple[str, ...], proxies: list[Proxy]) -> Fault:
    def inject(chance: random.Random, seconds: float) -> None:
        for proxy in proxies:
            sizes = [chance.randint(1, 4000) for _ in range(chance.randint(1, 60))]
            site.loop.run(proxy.abort_after(*sizes))

    return Fault(name, frozenset(touches), (2, 5), inject, _mending(site, proxies))


def _mending(site: Site, proxies: list[Proxy]) -> Callable[[], None]:
    def mend() -> None:
        for proxy in proxies:
            site.loop.run(proxy.mend())

    return mend
