"""For operators and load balancers."""

import time
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from realtime.status.connection_words import Hops, words
from realtime.status.last_beat import known
from realtime.status.metrics import web_exposition

COUNTERS = ("gaps", "resyncs", "reconnects", "rings", "takeovers", "handler_errors")


@require_safe
@login_required
def status(request: HttpRequest) -> HttpResponse:
    """What the worker last said, in the words the pages show."""
    began = time.monotonic()
    now_known = known()
    told, reachable, problem = now_known.told, now_known.reachable, now_known.problem
    layer_ms = round((time.monotonic() - began) * 1000, 1) if reachable else None
    hops = Hops(layer_reachable=reachable, layer_ms=layer_ms, store=problem)
    answer: dict[str, Any] = words(told, now_known.heard_at, time.time(), hops)
    answer["status_stored"], answer["store_problem"] = not problem, problem
    answer["tables"] = told["tables"] if told else {}
    answer["worker"] = told["worker"] if told else None
    # Standbys report to Redis alone.
    answer["standbys"] = told.get("standbys") if told else []
    answer["lag"] = {
        "probe_round_trip_ms": answer["round_trip_ms"],
        "layer_ms": layer_ms,
        "change_ms": told["lag_ms"] if told else {},
        "queue": told["queue"] if told else None,
    }
    answer["counters"] = {name: told[name] for name in COUNTERS} if told else {}
    response = JsonResponse(answer)
    response.headers["Cache-Control"] = "no-store"
    return response


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus, which can't sign in: by METRICS_TOKEN if it is set, else from this machine or signed in."""
    if not _may_scrape(request):
        return HttpResponse("metrics need METRICS_TOKEN as a bearer token\n", content_type="text/plain", status=403)
    return HttpResponse(web_exposition(known()), content_type=CONTENT_TYPE_LATEST)


def _may_scrape(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return constant_time_compare(given, settings.METRICS_TOKEN)
    return request.user.is_authenticated or _is_local(request)


def _is_local(request: HttpRequest) -> bool:
    # A request that a proxy on this machine passes on comes from elsewhere.
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")):
        return False
    with suppress(ValueError):
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    return False


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers. A proxy must not drop every web process because Redis or the worker is away."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """This process and its database answer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except DatabaseError:
        return HttpResponse("the database can't be reached\n", content_type="text/plain", status=503)
    return HttpResponse("ready\n", content_type="text/plain")
