"""Says to our server what the recorded client said to the real one, and compares the answers."""

import json
import signal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.integration.local.conformance.harness import PATIENCE, Database, Fence, RawClient, Server, wait_for
from tests.integration.local.conformance.records import CUT, Comparable, Entry, chunks, cut_text, load, parts
from tests.integration.local.conformance.scenarios import Scenario, Statement, scenario

CLEAN = "delete from todos; delete from todos_rls; delete from full_ident; delete from unpublished"


class Replay:
    def __init__(self, record: str, server: Server, database: Database, fence: Fence) -> None:
        self.entries = load(record)
        self.scenario: Scenario = scenario(record)
        self._server = server
        self._database = database
        self._fence = fence
        self._tokens = list(self.scenario.tokens)
        self._recorded, self._ours = Comparable(), Comparable()
        self._events = 0
        self._v2 = record.endswith("v2")

    def run(self) -> None:
        self._execute([CLEAN, *self.scenario.before])
        if self.entries[1].direction == "http-error":
            self._expect_refusal(self.entries[0], self.entries[1])
            return
        with self._connect(self.entries[0]) as client:
            for did, received in chunks(self.entries[1:]):
                self._repeat(did, client)
                self._expect(received, client)
                if did.direction == "closed":
                    return

    def _connect(self, connected: Entry) -> RawClient:
        query = parse_qs(urlsplit(connected.frame).query)
        return RawClient(self._server, query["vsn"][0], self.scenario.api_key() if "apikey" in query else "")

    def _expect_refusal(self, connected: Entry, refused: Entry) -> None:
        if self.scenario.refused_as:
            self._server.faults.refuse_http(self.scenario.refused_as)
        with pytest.raises(InvalidStatus) as refusal:
            self._connect(connected)
        response = refusal.value.response
        assert response.status_code == refused.frame["status"]
        assert response.body.decode() == refused.frame["body"]

    def _repeat(self, did: Entry, client: RawClient) -> None:
        match did.direction:
            case "send":
                client.send(self._with_token(did.frame))
            case "note":
                self._note(did.frame)
            case "closed":
                self._expect_close(did, client)

    def _with_token(self, frame: Any) -> Any:
        if isinstance(frame, str) or not frame:
            return frame
        frame = json.loads(json.dumps(frame))
        _, _, payload = parts(frame)
        if payload.get("access_token") == "<JWT>":
            payload["access_token"] = self._tokens.pop(0)() if self._tokens else self.scenario.api_key()
        return frame

    def _note(self, note: str) -> None:
        match note.split():
            case ["kill", name]:
                self._server.stop(signal.Signals[f"SIG{name.lstrip('-')}"])
            case ["pg", "restart", *_]:
                self._database.end_backends("slot", "catalog")
                wait_for(lambda: self._server.faults.health()["slot"] is False, "lost slot")
                wait_for(lambda: self._server.faults.health()["slot"], "new slot")
            case ["table", "late", *_]:
                self._database.run(
                    "create table late (id bigserial primary key, title text);"
                    "select setval('late_id_seq', 13); alter publication supabase_realtime add table late"
                )

    def _expect(self, received: list[Entry], client: RawClient) -> None:
        ours: list[str] = []
        for entry in received:
            if _is_event(entry.frame):
                self._execute(self.scenario.changes.get(self._events, []))
                self._events += 1
            ours.append(client.receive_text())
        recorded = [self._comparable(self._recorded, entry.frame) for entry in received]
        self._compare(recorded, [self._comparable(self._ours, text) for text in ours])

    def _execute(self, statements: list[Statement]) -> None:
        for statement in statements:
            if callable(statement):
                statement(self._database)
            else:
                self._database.run(statement)
            # Row security is decided at poll time: the next statement must not overtake this one's poll.
            if statement is not statements[-1] or statement in (CLEAN, *self.scenario.before):
                self._fence.wait()

    def _comparable(self, side: Comparable, frame: Any) -> str:
        if isinstance(frame, str) and (frame.endswith(CUT) or len(frame) > 100_000):
            return cut_text(frame)
        return side.text(json.loads(json.dumps(frame)))

    def _compare(self, recorded: list[str], ours: list[str]) -> None:
        def group(text: str) -> str:
            topic, event, _ = parts(json.loads(text))
            return topic if self.scenario.by_topic else event

        if self.scenario.by_topic or self.scenario.by_event:
            recorded, ours = sorted(recorded, key=group), sorted(ours, key=group)
        assert ours == recorded

    def _expect_close(self, closed: Entry, client: RawClient) -> None:
        if self._closed_by_server():
            with pytest.raises(ConnectionClosed):
                client.socket.recv(PATIENCE)
            assert (client.socket.close_code, client.socket.close_reason) == (
                closed.frame["code"],
                closed.frame["reason"],
            )
            return
        self._execute(self.scenario.after)
        self._fence.wait()
        assert client.until_heartbeat() == []
        client.socket.close()
        assert client.socket.close_code == closed.frame["code"]

    def _closed_by_server(self) -> bool:
        return any(entry.direction == "note" and "kill" in entry.frame for entry in self.entries) or (
            self.entries[-1].at > 60
        )


def _is_event(frame: Any) -> bool:
    return CUT in frame if isinstance(frame, str) else parts(frame)[1] == "postgres_changes"
