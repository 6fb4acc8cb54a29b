import random
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, connection

from project.demo.team import Team


class Command(BaseCommand):
    help = "Works on all tables as a small team would, one change every few seconds, until SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rows", type=int, help="the tickets that seed_demo was asked for")

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        team = Team(random.Random(), options["rows"])
        interrupted = False
        while not stop.wait(team.pause()):
            try:
                if done := team.act():
                    self.stdout.write(done)
                interrupted = False
            except Error as error:
                connection.close()
                if not interrupted:
                    reason = str(error).strip().split("\n")[0]
                    self.stderr.write(f"The database can't be used, trying again: {reason}")
                interrupted = True
