"""A loopback proxy between client and server that cuts, stalls, damages, delays and doubles what it passes on."""

import random
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

REGIONS = ("request head", "early body", "middle body", "late body", "answer head", "answer body")
CUTTING = ("cut", "stall", "corrupt")
STALL_SECONDS = 1.0  # longer than either side waits
PATIENCE_SECONDS = 3.0
PIECE_BYTES = 16384


@dataclass(frozen=True)
class Fault:
    """What happens to a request or its answer; ``region`` says where, for those that have a place.

    ``late``: the request is swallowed, and reaches the server after the one that was sent in its stead. ``twice``: it
    reaches the server on two connections at once.
    """

    kind: Literal["cut", "stall", "corrupt", "late", "twice"]
    region: str = ""


FAULTS = [Fault(kind, region) for kind in CUTTING for region in REGIONS] + [Fault("late"), Fault("twice")]


class _BrokenError(Exception):
    """The connection is over."""


class Proxy:
    """Passes requests on to ``server_port``; the fault that is set strikes the next requests, ``times`` of them."""

    def __init__(self, server_port: int, rng: random.Random) -> None:
        self.server_port = server_port
        self.struck = 0
        self._rng = rng
        self._fault: Fault | None = None
        self._left = 0
        self._held: list[bytes] = []
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    def set(self, fault: Fault | None, times: int = 1) -> None:
        with self._lock:
            self._fault, self._left = fault, times if fault else 0

    def settle(self) -> None:
        """Deliver what is held back and wait for all connections to end."""
        self._deliver_held()
        while self._threads:
            self._threads.pop().join()

    def close(self) -> None:
        self.settle()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._begin(self._serve, client)

    def _begin(self, work, *args) -> None:
        thread = threading.Thread(target=work, args=args)
        self._threads.append(thread)
        thread.start()

    def _serve(self, client: socket.socket) -> None:
        server: socket.socket | None = None
        client.settimeout(PATIENCE_SECONDS)
        try:
            while (request := _message(client)) is not None:
                fault = self._strike()
                if fault and fault.kind == "late":
                    with self._lock:
                        self._held.append(b"".join(request))
                    return
                if fault and fault.kind == "twice":
                    self._begin(self._deliver, b"".join(request))
                server = server or self._connect()
                self._pass(request, server, fault, ("request head", "body"), (client, server))
                answer = _message(server)
                if answer is None:
                    return
                self._pass(answer, client, fault, ("answer head", "answer body"), (client, server))
                if fault is None:
                    self._deliver_held()
        except (OSError, _BrokenError):
            pass
        finally:
            for end in (client, server):
                if end is not None:
                    end.close()

    def _strike(self) -> Fault | None:
        with self._lock:
            if not self._left:
                return None
            self._left -= 1
            self.struck += 1
            return self._fault

    def _connect(self) -> socket.socket:
        server = socket.create_connection(("127.0.0.1", self.server_port), PATIENCE_SECONDS)
        server.settimeout(PATIENCE_SECONDS)
        return server

    def _pass(self, message, to: socket.socket, fault: Fault | None, names, ends) -> None:
        """Send a message on, with the fault if its place is in there."""
        head, body = message
        whole = head + body
        span = self._span(fault, head, body, names)
        if fault is None or span is None or not len(span):
            _send(to, whole)
            return
        place = self._rng.choice(span)
        if fault.kind == "corrupt":
            wrong = whole[place] ^ self._rng.randrange(1, 256)
            _send(to, whole[:place] + bytes([wrong]) + whole[place + 1 :])
            return
        _send(to, whole[:place])
        if fault.kind == "stall":
            time.sleep(STALL_SECONDS)
            if self._rng.random() < 0.5:
                _send(to, whole[place:])
                return
        if self._rng.random() < 0.5:
            for end in ends:  # a reset, not an end
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise _BrokenError

    def _span(self, fault: Fault | None, head: bytes, body: bytes, names) -> range | None:
        if fault is None or fault.kind not in CUTTING:
            return None
        begin, end = len(head), len(head) + len(body)
        third = -(-len(body) // 3)
        spans = {
            names[0]: range(begin),
            "early body": range(begin, begin + third),
            "middle body": range(begin + third, begin + 2 * third),
            "late body": range(begin + 2 * third, end),
        }
        if names[1] == "answer body":
            spans = {names[0]: range(begin), names[1]: range(begin, end)}
        return spans.get(fault.region)

    def _deliver_held(self) -> None:
        with self._lock:
            held, self._held = self._held, []
        for request in held:
            self._deliver(request)

    def _deliver(self, request: bytes) -> None:
        """Send a request for itself; nobody waits for the answer."""
        with suppress(OSError), self._connect() as server:
            server.sendall(request)
            _message(server)


def _send(to: socket.socket, what: bytes) -> None:
    # A side that has heard enough answers and closes: what it says is still to be read.
    with suppress(ConnectionError):
        to.sendall(what)


def _message(end: socket.socket) -> tuple[bytes, bytes] | None:
    """Read one request or answer, head and body; None where the other side has closed."""
    received = bytearray()
    while (cut := received.find(b"\r\n\r\n")) < 0:
        piece = end.recv(PIECE_BYTES)
        if not piece:
            return None
        received += piece
    cut += 4
    head = bytes(received[:cut])
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    size = int(lengths[0]) if lengths else 0
    while len(received) < cut + size:
        piece = end.recv(PIECE_BYTES)
        if not piece:
            return None
        received += piece
    return head, bytes(received[cut:])
