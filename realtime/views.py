"""For operators and load balancers."""

import time
from typing import Any

import redis
from django.contrib.auth.decorators import login_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from realtime.connection_words import words
from realtime.status_store import read_status


@require_safe
@login_required
def status(request: HttpRequest) -> HttpResponse:
    """What the worker last said, in the words the pages show."""
    reachable, told = True, None
    try:
        told = read_status()
    except (redis.RedisError, OSError):
        reachable = False
    now = time.time()
    answer: dict[str, Any] = words(told, told["at"] if told else 0, now, reachable)
    answer["tables"] = told["tables"] if told else {}
    answer["worker"] = told["worker"] if told else None
    answer["lag"] = {"probe_round_trip_ms": answer["round_trip_ms"], "queue": told["queue"] if told else None}
    answer["counters"] = {name: told[name] for name in ("gaps", "reconnects", "handler_errors")} if told else {}
    response = JsonResponse(answer)
    response.headers["Cache-Control"] = "no-store"
    return response


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers. A proxy must not drop every web process because Redis or the worker is away."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """This process and its database."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except DatabaseError:
        return HttpResponse("the database can't be reached\n", content_type="text/plain", status=503)
    return HttpResponse("ready\n", content_type="text/plain")
