"""What stands between plait and a program: starts it, writes its log, and at the end leaves no process behind.

Run by `plait.workspace.process` as `python -I -S shim.py CONTROL TAG`, once for each program. It has to start in about
10 ms, so `signal`, `typing`, `json`, `subprocess` and `ctypes` are not imported (1 to 7 ms each).

Descriptor 0 is what the program will read, 1 takes the answers for plait, 2 a traceback of the shim itself. CONTROL is
the number of a pipe: first the order (`ShimOrder`, by `marshal`), and its end means "stop": plait closed it or
died. Answers are lines of JSON: `{"pid": 123}` or `{"error": 2, "what": "exec"}`, and at the end `{"status": 0, …}`.

On Linux the shim is a child subreaper: whatever the program started, however often it forked, becomes the shim's child
in the end, so "no child left" (ECHILD) is exact. macOS has no such thing: there the process group is killed, and a
child that left the group by `setsid` survives. A program of the same user can kill the shim: plait notices and sweeps.
"""

import _signal  # type: ignore[import-not-found]  # `signal` without its enums: 4 ms less
import marshal
import os
import select
import sys
import time

SUBREAPER = sys.platform.startswith("linux")
SETTLE = 0.05  # seconds for helpers that end by themselves with the program: they are not left-overs
WEIGH = 0.5  # seconds between two looks at the memory that the program uses, where that is limited
OPTIONS, ENDED = 30, 31  # descriptors of a sandbox: low, as no more than 32 files may be allowed
KILL_PATIENCE = 10.0  # seconds of SIGKILLs, after which what is left (another user's, a dead disk) is only counted


class ShimOrder:
    """What plait wants to have run, sent as a tuple in this order. Times in seconds, sizes in bytes."""

    parent: int
    program: bytes
    argv: list[bytes]
    environment: dict[bytes, bytes]
    directory: bytes
    log: int
    output_bytes: int | None
    timeout: float | None
    stall: float | None
    grace: float
    kept_bytes: int | None
    memory: int | None
    redaction: str
    """The file of `plait.plans.redaction`."""
    secrets: list[bytes]
    """What nobody is to read in the log."""
    options: bytes | None
    """Of a sandbox: what bwrap reads from OPTIONS, so that no variable stands in a command line for all to see."""

    def __init__(self, fields: tuple[object, ...]) -> None:
        self.__dict__.update(zip(ShimOrder.__annotations__, fields, strict=True))


class Watch:
    """One program, from its fork to the last of its descendants."""

    def __init__(self, order: ShimOrder, control: int, wake: int) -> None:
        self.order, self.control, self.wake = order, control, wake
        self.source: int | None = None
        self.status: int | None = None
        self.cause: str | None = None
        self.pid, self.problem, self.written, self.childless = 0, 0, 0, False
        self.met: set[int] = set()
        self.ended: int | None = None
        self.recent, self.dropped, self.log_began = bytearray(), 0, os.fstat(order.log).st_size
        self.began = self.spoke = self.weighed = time.monotonic()
        self.redacted: RedactedStream | None = None

    def start(self) -> bool:
        """Fork the program; False, and plait is told why, when it could not be."""
        sink = self.order.log
        if self.order.output_bytes is not None:
            self.source, sink = os.pipe()
            os.set_blocking(self.source, False)
        answer, trouble = os.pipe()
        if self.order.options is not None:
            self.ended = os.memfd_create("ended")
        self.pid = os.fork()
        if self.pid == 0:
            become_program(self.order, sink, trouble, self.ended)
        os.close(trouble)
        if self.source is not None:
            os.close(sink)
        told = os.read(answer, 64).decode()
        os.close(answer)
        say(told or f'{{"pid": {self.pid}}}')
        if self.source is not None and self.order.secrets:  # once it runs: it does not wait for what is loaded here
            self.redacted = redacted_stream(self.order.redaction, self.order.secrets)
        return not told

    def run(self) -> None:
        """Until the program ends, or has to."""
        while self.cause is None:
            self.listen(self.patience())

    def patience(self) -> float:
        """Seconds until the next limit, at most one: then the parent is looked after."""
        seconds, now = 1.0, time.monotonic()
        if self.order.timeout is not None:
            seconds = min(seconds, self.began + self.order.timeout - now)
            self.end_by("timeout", when=seconds <= 0)
        if self.order.stall is not None:
            seconds = min(seconds, self.spoke + self.order.stall - now)
            self.end_by("stalled", when=seconds <= 0)
        if self.order.memory is not None:
            seconds = min(seconds, WEIGH)
            if now - self.weighed >= WEIGH:
                self.weighed = now
                self.end_by("memory", when=memory_used(self.pid) > self.order.memory)
        return seconds

    def end_by(self, cause: str, *, when: bool) -> None:
        """The first cause is the one that is told."""
        if when and self.cause is None:
            self.cause = cause

    def listen(self, seconds: float) -> None:
        """Wait for output, the end of a child, the end of the control pipe; at most `seconds`."""
        ears = select.poll()
        ears.register(self.wake, select.POLLIN)
        if self.cause is None:
            ears.register(self.control, select.POLLIN)
        if self.source is not None and self.cause not in ("flooded", "log") and not self.problem:
            ears.register(self.source, select.POLLIN)
        heard = {number for number, _ in ears.poll(max(0, int(seconds * 1000) + 1))}
        if self.wake in heard:
            self.end_by("cancelled", when=_signal.SIGTERM in os.read(self.wake, 4096))
        # The parent as well: a fork of plait that never called exec would hold the control pipe.
        self.end_by("cancelled", when=self.control in heard or os.getppid() != self.order.parent)
        if self.source in heard:
            self.copy_output()
        self.reap()

    def copy_output(self) -> bool:
        """Write what the program printed to its log; False when there is no more to be had now."""
        if self.source is None or self.order.output_bytes is None:
            return False
        try:
            text = os.read(self.source, 1 << 16)
        except BlockingIOError:
            return False
        if not text:
            os.close(self.source)
            self.source = None
            self.tell_rest()
            return False
        self.spoke = time.monotonic()
        if self.redacted is not None:
            text = self.redacted.feed(text)
        return self.take(text)

    def tell_rest(self) -> None:
        """Write what was held back, as it might have become a secret."""
        if self.redacted is not None:
            rest, self.redacted = self.redacted.close(), None
            self.take(rest)

    def take(self, text: bytes) -> bool:
        """Write it to the log; False when there is no room for more."""
        room = (self.order.output_bytes or 0) - self.written
        try:
            self.written += self.keep(text[:room])
        except OSError as problem:
            self.problem, room = problem.errno or 0, -1
        if len(text) > room and self.cause in (None, "exited", "signalled"):
            self.cause = "log" if self.problem else "flooded"
        return len(text) <= room

    def keep(self, text: bytes) -> int:
        """Write to the log; where it has more than `kept_bytes` its middle is taken out, and again as it grows."""
        write_all(self.order.log, text)
        if self.order.kept_bytes is not None:
            half = self.order.kept_bytes // 2
            behind = min(len(text), max(0, self.written + len(text) - half))
            self.recent += text[len(text) - behind :]
            if len(self.recent) > 2 * half:
                self.take_out_middle()
        return len(text)

    def take_out_middle(self) -> None:
        """Leave the first half of what may be kept and the last; what is between them is only counted."""
        half = (self.order.kept_bytes or 0) // 2
        self.dropped += len(self.recent) - half
        self.recent = self.recent[-half:] if half else bytearray()
        os.ftruncate(self.order.log, self.log_began + half)
        write_all(self.order.log, b"\n[%d bytes are left out here]\n" % self.dropped + self.recent)

    def reap(self) -> None:
        """Collect every child that has ended, and see whether any is left."""
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self.pid:
                    self.status = os.waitstatus_to_exitcode(ended[1])
                    self.end_by("exited" if self.status >= 0 else "signalled", when=True)
        except ChildProcessError:
            self.childless = True

    def is_over(self) -> bool:
        """Whether nothing is left that the program started (without a subreaper: of its group)."""
        return self.childless and (SUBREAPER or not send(-self.pid, 0))

    def end_everything(self) -> None:
        """TERM, a grace period, then KILL again and again until no descendant is left."""
        self.wait_until_over(SETTLE if self.cause == "exited" else 0)
        if not self.is_over():
            self.signal_all(_signal.SIGTERM)
            self.signal_all(_signal.SIGCONT)
            self.wait_until_over(self.order.grace)
        patience = time.monotonic() + KILL_PATIENCE
        while not self.is_over() and time.monotonic() < patience:
            self.signal_all(_signal.SIGKILL)
            self.reap()
        for _ in range(64):  # more than any pipe holds; on macOS somebody may still be writing
            if not self.copy_output():
                break
        self.tell_rest()
        if self.order.kept_bytes is not None and len(self.recent) > self.order.kept_bytes // 2 and not self.problem:
            try:
                self.take_out_middle()
            except OSError as problem:
                self.problem, self.cause = problem.errno or 0, "log"

    def wait_until_over(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.is_over() and (left := until - time.monotonic()) > 0:
            self.listen(left if SUBREAPER else min(left, 0.05))

    def signal_all(self, number: int) -> None:
        """Signal the group of every descendant, each once: no fork slips through, and no handler runs twice.

        The program's own number is used only while it cannot be somebody else's: before it is collected.
        """
        groups = {self.pid} if self.status is None or not SUBREAPER else set()
        for pid in descendants():
            self.met.add(pid)
            try:
                groups.add(os.getpgid(pid))  # never ours: the program left our session before it began
            except OSError:  # it has ended
                continue
        for group in groups:
            send(-group, number)

    def told_inside(self) -> int:
        """Take what the helper inside a sandbox says: bwrap tells a signal n and the exit status 128 + n alike.

        How many processes it saw left. What a program forges there is no worse than the status that it chooses itself.
        """
        words = os.pread(self.ended, 64, 0).split() if self.ended is not None else []
        if len(words) != 2 or not all(word.lstrip(b"-").isdigit() for word in words):
            return 0
        number, left = int(words[0]), int(words[1])
        if number < 0 and self.status == 128 - number:
            self.status = number
            self.cause = "signalled" if self.cause == "exited" else self.cause
        return max(0, min(left, 100_000))

    def not_started(self) -> int:
        """The error number for which the program did not start inside its sandbox; 0 where it did."""
        words = os.pread(self.ended, 64, 0).split() if self.ended is not None else []
        return int(words[1]) if len(words) == 2 and words[0] == b"error" and words[1].isdigit() else 0

    def report(self) -> None:
        if self.cause == "exited" and (number := self.not_started()):
            say(f'{{"error": {number}, "what": "exec"}}')
            return
        left = self.told_inside()
        status = "null" if self.status is None else self.status
        killed, survivors = len(self.met - {self.pid}) + left, 0 if self.is_over() else max(1, len(descendants()))
        end = f'"problem": {self.problem}, "killed": {killed}, "survivors": {survivors}'
        say(f'{{"status": {status}, "cause": "{self.cause}", {end}}}')


class RedactedStream:
    """As `plait.plans.redaction` has it."""

    def feed(self, piece: bytes) -> bytes:
        raise NotImplementedError

    def close(self) -> bytes:
        raise NotImplementedError


def redacted_stream(file: str, secrets: list[bytes]) -> RedactedStream:
    """What takes secrets out; its module is loaded by its file, as a shim has no path to plait's packages."""
    from _frozen_importlib_external import SourceFileLoader  # noqa: PLC0415

    module = type(sys)("redaction")
    SourceFileLoader("redaction", file).exec_module(module)
    stream: RedactedStream = module.RedactedStream(module.Redaction(secrets))
    return stream


def become_program(order: ShimOrder, output: int, trouble: int, ended: int | None) -> None:
    """In the forked child, never returns: a session of its own, the streams, default signals, then the program."""
    what = "directory"
    try:
        os.setsid()
        if order.options is not None and ended is not None:
            hand_over(order.options, ended)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(order.directory)
        what = "exec"
        for number in (_signal.SIGPIPE, _signal.SIGXFSZ):  # which Python ignores; those with handlers exec resets
            _signal.signal(number, _signal.SIG_DFL)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
        os.execve(order.program, order.argv, order.environment)  # noqa: S606  (no shell is meant)
    except OSError as problem:
        os.write(trouble, f'{{"error": {problem.errno or 0}, "what": "{what}"}}'.encode())
    finally:
        os._exit(127)


def hand_over(options: bytes, ended: int) -> None:
    """What a sandbox needs besides: its options, where its helper tells how the program ended, and a deaf bwrap.

    At SIGTERM bwrap would end, and the program inside with it by SIGKILL before it could tidy up. The helper inside
    gives the program its own handling of the signal back.
    """
    source = os.memfd_create("options")
    write_all(source, options)
    os.lseek(source, 0, os.SEEK_SET)
    os.dup2(source, OPTIONS)
    os.dup2(ended, ENDED)
    _signal.signal(_signal.SIGTERM, _signal.SIG_IGN)


def become_subreaper() -> None:
    """Take over every orphan below: prctl(2)."""
    set_child_subreaper = 36
    try:
        import _ctypes  # noqa: PLC0415  (Linux only; 0.5 ms where `ctypes` takes 2)

        library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # None is this process
        _ctypes.call_function(_ctypes.dlsym(library, "prctl"), (set_child_subreaper, 1, 0, 0, 0))
    except (ImportError, AttributeError):  # should the private module change
        import ctypes  # noqa: PLC0415

        ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)


def say(line: str) -> None:
    """Tell plait; when plait is gone nobody listens, and that is no reason to leave processes behind."""
    try:
        write_all(1, line.encode() + b"\n")
    except OSError:
        return


def write_all(target: int, text: bytes) -> int:
    done = 0
    while done < len(text):
        done += os.write(target, text[done:])
    return done


def send(target: int, number: int) -> bool:
    """Send a signal; False when there was nobody to get it, or not from us."""
    try:
        os.kill(target, number)
    except OSError:
        return False
    return True


def children_of(pid: int) -> list[int]:
    """From the kernel's lists, one a thread: microseconds; reading all of /proc takes long enough to fork on."""
    children: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  (pathlib takes 5 ms to import)
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:  # noqa: PTH123
                children += map(int, file.read().split())
    except OSError:  # the process or a thread of it has ended
        return children
    return children


def descendants() -> list[int]:
    """All processes below the shim, nearest first; nothing where there is no /proc."""
    pids = children_of(os.getpid())
    for pid in pids:
        pids += children_of(pid)
    return pids


def memory_used(pid: int) -> int:
    """Bytes that all descendants hold for themselves: files that are mapped, and shared memory, are not counted.

    RSS and no limit of address space: a JVM, node and Go reserve many times what they use. What a process shares with
    its fork is counted twice. Without /proc (macOS) it is the RSS of the program's group, as ps(1) tells it.
    """
    if not SUBREAPER:
        return group_memory(pid)
    pages = 0
    for each in descendants():
        try:
            with open(f"/proc/{each}/statm", "rb") as file:  # noqa: PTH123
                _, resident, shared = file.read().split()[:3]
        except (OSError, ValueError):  # it has ended
            continue
        pages += max(0, int(resident) - int(shared))
    return pages * os.sysconf("SC_PAGE_SIZE")


def group_memory(group: int) -> int:
    """Bytes of a process group; 0 where ps(1) does not tell."""
    told, sink = os.pipe()
    try:
        os.posix_spawn("/bin/ps", ["ps", "-A", "-o", "pgid=,rss="], {}, file_actions=[(os.POSIX_SPAWN_DUP2, sink, 1)])
    except OSError:
        os.close(told)
        return 0
    finally:
        os.close(sink)
    with open(told, "rb") as file:  # noqa: PTH123
        rows = [line.split() for line in file.read().splitlines()]
    return 1024 * sum(int(row[1]) for row in rows if len(row) == 2 and row[0] == b"%d" % group and row[1].isdigit())


def hear_signals() -> int:
    """A descriptor on which signals arrive as bytes: SIGCHLD, SIGTERM (which means stop), a terminal's (nothing)."""
    wake, ring = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(ring, False)
    _signal.set_wakeup_fd(ring)
    for number in (_signal.SIGCHLD, _signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP):
        _signal.signal(number, lambda *_: None)
    return wake


def main() -> None:
    """Carry out one order."""
    if SUBREAPER:
        become_subreaper()
    wake, control = hear_signals(), int(sys.argv[1])
    try:
        with open(control, "rb", closefd=False) as source:
            order = ShimOrder(marshal.load(source))  # noqa: S302  (from plait alone, never from a file)
    except EOFError:
        return
    for descriptor in (control, order.log):
        os.set_inheritable(descriptor, False)
    watch = Watch(order, control, wake)
    if watch.start():
        watch.run()
        watch.end_everything()
        watch.report()


if __name__ == "__main__":
    main()
    os._exit(0)  # closing an interpreter in order takes 2 ms
