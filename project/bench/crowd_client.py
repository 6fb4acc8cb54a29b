"""Many plain WebSockets in one lean process, told what to do in JSON on stdin.

It parses no message: it counts frames, and acknowledges as a browser does. So that the load generator isn't what is
measured, it uses raw sockets and epoll, and tells its own CPU time.
"""

import json
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import Any

ACKNOWLEDGED_EVERY = 32
# How far into a frame its kind is looked for.
KIND_BYTES = 64
KEY = "bGl2ZWRlc2stYmVuY2gtMQ=="
MASK = b"\0\0\0\0"


@dataclass(frozen=True)
class Task:
    """``openings`` are the handshake's extra headers and the message to send first, one for each socket in turn.

    ``ready`` is in the frame by which a socket is current, ``counted`` in those that are counted. ``pong`` is what a
    socket answers to a message that asks for it (socket.io), ``ask`` that message. With ``tells``, what is counted is
    told as one socket got it.
    """

    port: int
    path: str
    sockets: int
    openings: list[tuple[dict[str, str], str]]
    ready: str
    counted: str
    # So many sockets at most are on their way to be current; 0 for all at once.
    wave: int = 0
    acknowledges: bool = False
    ask: str = ""
    pong: str = ""
    tells: bool = False


@dataclass
class Client:
    """``ready`` are the seconds that each socket took to be current; ``last`` when the last socket had each frame.

    Times are of the system's monotonic clock.
    """

    task: Task
    ready: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    counted: int = 0
    lost: int = 0
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._poll = select.epoll()
        self._all: dict[int, _Socket] = {}
        self._rounds: list[int] = []
        self._began = time.monotonic()
        self._marks = self.task.ready.encode(), self.task.counted.encode(), self.task.ask.encode()

    def open(self) -> None:
        """As many as may be on their way."""
        on_their_way = len(self._all) - len(self.ready) - self.lost
        more = (self.task.wave or self.task.sockets) - on_their_way
        for number in range(len(self._all), min(self.task.sockets, len(self._all) + more)):
            headers, message = self.task.openings[number % len(self.task.openings)]
            one = _Socket(self.task, headers, message)
            self._all[one.fileno] = one
            self._poll.register(one.fileno, select.EPOLLOUT)

    def run(self, until: float) -> None:
        """Until this time; it ends early when told so on stdin, or when every socket is current, if ``until`` is 0."""
        self._poll.register(sys.stdin.fileno(), select.EPOLLIN)
        while True:
            for descriptor, event in self._poll.poll(0.2):
                if descriptor == sys.stdin.fileno():
                    self._poll.unregister(descriptor)
                    return
                self._serve(self._all[descriptor], event)
            if time.monotonic() > until:
                self._poll.unregister(sys.stdin.fileno())
                return

    def wait_until_ready(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while len(self.ready) + self.lost < self.task.sockets:
            self.open()
            for descriptor, event in self._poll.poll(0.2):
                self._serve(self._all[descriptor], event)
            if time.monotonic() > deadline:
                break
        return len(self.ready) == self.task.sockets

    def begin_counting(self) -> None:
        self.last, self._rounds, self.counted, self.told = [], [], 0, []
        for one in self._all.values():
            one.rounds = 0

    def _serve(self, one: "_Socket", event: int) -> None:
        if event & select.EPOLLOUT:
            one.shake_hands()
            self._poll.modify(one.fileno, select.EPOLLIN)
            return
        try:
            data = one.receive()
        except OSError:
            data = None
        if data is None:
            self.lost += 1
            self._poll.unregister(one.fileno)
            return
        if one.greeted and not one.is_ready and not self.task.ready:
            # It says nothing by itself: whoever has shaken hands is there.
            self._is_ready(one)
        place, end = 0, len(data)
        while place + 2 <= end:
            length = data[place + 1]
            head = place + 2
            if length == 126:
                head += 2
                length = int.from_bytes(data[place + 2 : head])
            elif length == 127:
                head += 8
                length = int.from_bytes(data[place + 2 : head])
            if head > end or head + length > end:
                break
            self._take(one, data, place, head, length)
            place = head + length
        one.rest = data[place:]

    def _take(self, one: "_Socket", data: bytes, start: int, head: int, length: int) -> None:
        opcode = data[start] & 15
        if opcode == 9:
            one.send(data[head : head + length], 0x8A)
            return
        if opcode != 1:
            return
        ready, counted, ask = self._marks
        stop = head + min(length, KIND_BYTES)
        if ask and data.find(ask, head, stop) == head and length == len(ask):
            one.send(self.task.pong.encode())
            return
        one.frames += 1
        if self.task.acknowledges and one.frames % ACKNOWLEDGED_EVERY == 0:
            one.send(b'{"type":"ack","n":%d}' % one.frames)
        if not one.is_ready and data.find(ready, head, stop) >= 0:
            self._is_ready(one)
        if data.find(counted, head, stop) >= 0:
            self.counted += 1
            one.rounds += 1
            if self.task.tells and one.fileno == next(iter(self._all)):
                self.told.append(data[head : head + length].decode())
            if one.rounds > len(self._rounds):
                self._rounds.append(0)
            self._rounds[one.rounds - 1] += 1
            if self._rounds[one.rounds - 1] == self.task.sockets:
                self.last.append(time.monotonic())

    def _is_ready(self, one: "_Socket") -> None:
        one.is_ready = True
        self.ready.append(time.monotonic() - self._began)


class _Socket:
    __slots__ = ("_handshake", "_message", "_socket", "fileno", "frames", "greeted", "is_ready", "rest", "rounds")

    def __init__(self, task: Task, headers: dict[str, str], message: str) -> None:
        self._socket = socket.socket()
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.connect_ex(("127.0.0.1", task.port))
        self.fileno = self._socket.fileno()
        host = f"127.0.0.1:{task.port}"
        lines = {
            "Host": host,
            "Origin": f"http://{host}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": KEY,
            "Sec-WebSocket-Version": "13",
            **headers,
        }
        told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._handshake = f"GET {task.path} HTTP/1.1\r\n{told}\r\n".encode()
        self._message = message.encode()
        self.greeted = False
        self.is_ready = False
        self.rest = b""
        self.frames = self.rounds = 0

    def shake_hands(self) -> None:
        self._socket.send(self._handshake)

    def receive(self) -> bytes | None:
        """What came of frames; None when the connection has gone, or was refused."""
        data = self._socket.recv(65_536)
        if not data:
            return None
        data = self.rest + data
        if self.greeted:
            return data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self.rest = data
            return b""
        if b" 101 " not in data[:20]:
            return None
        self.greeted = True
        if self._message:
            self.send(self._message)
        self.rest = b""
        return data[end + 4 :]

    def send(self, payload: bytes, opcode: int = 0x81) -> None:
        length = len(payload)
        size = bytes((0x80 | length,)) if length < 126 else bytes((0x80 | 126,)) + length.to_bytes(2)
        self._socket.send(bytes((opcode,)) + size + MASK + payload)


def main() -> None:
    task = Task(**json.loads(sys.stdin.readline()))
    client = Client(task)
    all_ready = client.wait_until_ready(120)
    _tell(ready=sorted(client.ready), all_ready=all_ready)
    for line in iter(sys.stdin.readline, ""):
        if line.strip() == "count":
            client.begin_counting()
            cpu, began = time.process_time(), time.monotonic()
            client.run(float("inf"))
            if sys.stdin.readline().strip() != "stop":
                return
            _tell(
                counted=client.counted,
                last=client.last,
                lost=client.lost,
                told=client.told,
                cpu=time.process_time() - cpu,
                seconds=time.monotonic() - began,
            )


def _tell(**found: Any) -> None:
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
