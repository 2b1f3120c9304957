"""What runs first inside a sandbox: carries ports of 127.0.0.1 to sockets, starts the program, tells how it ended.

Run by bwrap as `python -I -S inside.py ENDED PORTS PROGRAM ARGUMENT…`, with nothing but Python's own library. ENDED is
the descriptor for how it ended, `-9 0` or `error 2`; PORTS is `8080=/run/plait/8080,…` or empty. When this process
ends, so does the sandbox with all that is in it.
"""

import _signal  # type: ignore[import-not-found]  # as in `shim`: `signal` takes 4 ms to import
import os
import select
import sys
import time

PIECE = 1 << 16
SETTLE = 0.05  # seconds for helpers that end by themselves with the program, as the shim gives them outside


class Line:
    """One end of a connection: what is still to be written to it, and whether more may come."""

    def __init__(self, end, other) -> None:  # type: ignore[no-untyped-def]  # sockets: imported only where needed
        self.end, self.other_end = end, other
        self.waiting = bytearray()
        self.is_heard, self.is_told = True, True

    def wanted(self, other: "Line") -> int:
        """What poll(2) is to look for here; no more is read than the other end takes."""
        hear = select.POLLIN if self.is_heard and len(other.waiting) < 4 * PIECE else 0
        return hear | (select.POLLOUT if self.waiting else 0)


class Carrier:
    """The connections from ports inside to the sockets that came in."""

    def __init__(self, ports: str) -> None:
        import socket  # noqa: PLC0415  (2 ms, and most sandboxes have no port)

        self.socket = socket
        self.doors, self.lines = {}, {}  # type: ignore[var-annotated]
        for entry in ports.split(","):
            port, _, path = entry.partition("=")
            door = socket.socket()
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind(("127.0.0.1", int(port)))
            door.listen(128)
            door.setblocking(False)
            self.doors[door.fileno()] = door, path

    def carry(self, wake: int) -> bool:
        """Wait for something to carry, and carry it; True when `wake` has something to tell."""
        ears = select.poll()
        ears.register(wake, select.POLLIN)
        for number in self.doors:
            ears.register(number, select.POLLIN)
        for number, line in self.lines.items():
            if wanted := line.wanted(self.lines[line.other_end.fileno()]):
                ears.register(number, wanted)
        heard = dict(ears.poll())
        for number, events in heard.items():
            if number in self.doors:
                self.open(*self.doors[number])
            elif number in self.lines:
                self.serve(self.lines[number], events)
        return wake in heard

    def open(self, door, path: str) -> None:  # type: ignore[no-untyped-def]
        try:
            inner, _ = door.accept()
        except OSError:
            return
        outer = self.socket.socket(self.socket.AF_UNIX)
        try:
            outer.connect(path)
        except OSError:  # nobody is there any more: the program sees a connection that ends
            inner.close()
            outer.close()
            return
        for end, other in ((inner, outer), (outer, inner)):
            end.setblocking(False)
            self.lines[end.fileno()] = Line(end, other)

    def serve(self, line: Line, events: int) -> None:
        other = self.lines[line.other_end.fileno()]
        try:
            if line.waiting and events & (select.POLLOUT | select.POLLERR | select.POLLHUP):
                del line.waiting[: line.end.send(line.waiting)]
            if line.is_heard and events & (select.POLLIN | select.POLLHUP | select.POLLERR):
                piece = line.end.recv(PIECE)
                other.waiting += piece
                line.is_heard = bool(piece)
        except BlockingIOError:
            return
        except OSError:
            self.close(line, other)
            return
        for here, there in ((line, other), (other, line)):
            if not here.is_heard and not there.waiting and there.is_told:
                there.is_told = False
                try:
                    there.end.shutdown(self.socket.SHUT_WR)
                except OSError:
                    self.close(line, other)
                    return
        if not (line.is_told or other.is_told):
            self.close(line, other)

    def close(self, *lines: Line) -> None:
        for line in lines:
            self.lines.pop(line.end.fileno(), None)
        for line in lines:
            line.end.close()


def start(program: list[str], ended: int) -> int:
    """Fork the program, with the signals of a fresh process; why it could not be started goes to `ended`."""
    pid = os.fork()
    if pid:
        return pid
    try:
        for number in (_signal.SIGTERM, _signal.SIGPIPE, _signal.SIGXFSZ):
            _signal.signal(number, _signal.SIG_DFL)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
        os.execv(program[0], program[1:])  # noqa: S606  (no shell is meant)
    except OSError as problem:
        os.write(ended, b"error %d" % (problem.errno or 0))
    finally:
        os._exit(127)


def others() -> int:
    """Processes in this sandbox besides bwrap's own first one and this."""
    return len([name for name in os.listdir("/proc") if name.isdigit()]) - 2  # noqa: PTH208


def left_behind() -> int:
    """How many are still there once those that end by themselves have."""
    until = time.monotonic() + SETTLE
    while (left := others()) > 0 and time.monotonic() < until:
        time.sleep(0.005)
    return max(0, left)


def wait_for(pid: int, carrier: "Carrier | None", wake: int) -> int:
    """The exit status of the program; its ports are served until then."""
    while carrier is not None:
        if carrier.carry(wake):
            os.read(wake, 4096)
            if (ended := os.waitpid(pid, os.WNOHANG))[0]:
                return os.waitstatus_to_exitcode(ended[1])
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main() -> int:
    """Carry out what bwrap was told to run."""
    ended, ports, program = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    os.set_inheritable(ended, False)
    carrier = Carrier(ports) if ports else None
    wake, ring = os.pipe()
    os.set_blocking(ring, False)
    _signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
    _signal.signal(_signal.SIGCHLD, lambda *_: None)
    status = wait_for(start(program, ended), carrier, wake)
    if not os.fstat(ended).st_size:
        os.write(ended, b"%d %d" % (status, left_behind()))
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    os._exit(main())
