"""Whether sandboxes work on this machine: found out by a canary in one, never by the presence of a program."""

import json
import os
import socket
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from plait.plans.errors import PlaitError
from plait.plans.wording import listed
from plait.workspace.output import last_line, plain
from plait.workspace.process import Limits
from plait.workspace.sandbox import NO_BWRAP, Sandbox, bwrap_program
from plait.workspace.sandboxed_runs import run_sandboxed

_REMEMBERED = 300.0
"""Seconds for which an answer counts: somebody may install bubblewrap beside a server that runs on."""

_CANARY = """
import json, os, socket, sys
outside, port, pid = "/" + sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def can(what):
    try:
        what()
    except OSError:
        return False
    return True
def write(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
here = os.getcwd()
told = {
    "writes its checkout": can(lambda: write("canary")) and os.path.exists("canary"),
    "writes its HOME": can(lambda: write(os.environ["HOME"] + "/canary")),
    "writes TMPDIR": can(lambda: write(os.environ["TMPDIR"] + "/canary")),
    "sees what is outside": os.path.exists(outside),
    "writes .git": can(lambda: write(here + "/.git/canary")) or can(lambda: os.unlink(here + "/.git/config")),
    "writes the system": any(can(lambda: write(place + "/canary")) for place in ("/usr", "/etc", "/", "/run", "/proc")),
    "changes the kernel": can(lambda: os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))),
    "reaches the network": can(lambda: socket.create_connection(("127.0.0.1", port), 2).close()),
    "sees processes outside": os.path.exists("/proc/%d/cwd" % pid) and pid > 64,
    "has the variables outside": "PLAIT_CANARY" in os.environ,
    "has capabilities": any(
        line.split()[1].strip("0") for line in open("/proc/self/status") if line.startswith(("CapEff", "CapPrm"))
    ),
}
print("\\nCANARY " + json.dumps(told))
"""
_WANTED = ("writes its checkout", "writes its HOME", "writes TMPDIR")

_HINTS = (
    ("No permissions to create new namespace", "sysctl kernel.unprivileged_userns_clone=1, or run plait as root"),
    (
        "setting up uid map",
        "Ubuntu keeps namespaces from programs: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or give bwrap a "
        "profile of AppArmor",
    ),
    ("Can't mount proc", "in a container: start it with `--security-opt systempaths=unconfined`, or `--privileged`"),
    ("not permitted", "in a container: start it with `--security-opt seccomp=unconfined --cap-add SYS_ADMIN`"),
    ("Unknown option", "this bubblewrap is too old: 0.5 or newer is needed"),
)


@dataclass(frozen=True, slots=True)
class SandboxProbe:
    """What the canary found."""

    works: bool
    why: str = ""
    """Why it does not, in a sentence without a full stop."""
    hint: str = ""
    """How to mend that."""


_lock = threading.Lock()
_known: tuple[float, str | None, SandboxProbe] | None = None


def probe_sandbox(*, anew: bool = False) -> SandboxProbe:
    """Whether sandboxes work here; remembered for five minutes, as long as bubblewrap stays where it is."""
    global _known
    with _lock:
        bwrap = bwrap_program()
        if not anew and _known and _known[1] == bwrap and time.monotonic() - _known[0] < _REMEMBERED:
            return _known[2]
        _known = time.monotonic(), bwrap, _probed(bwrap)
        return _known[2]


def _probed(bwrap: str | None) -> SandboxProbe:
    if bwrap is None:
        if not sys.platform.startswith("linux"):
            return SandboxProbe(False, "there is none for this system: bubblewrap needs Linux", "run plait on Linux")
        return SandboxProbe(False, "bubblewrap (bwrap) is not installed", NO_BWRAP)
    try:
        with tempfile.TemporaryDirectory(prefix="plait-canary-") as folder:
            return _judged(_told(Path(folder)))
    except (PlaitError, OSError) as problem:
        return SandboxProbe(False, plain(f"the trial of one failed: {problem}"), getattr(problem, "hint", None) or "")


def _told(folder: Path) -> str:
    """What the canary printed, and bwrap."""
    box = Sandbox(folder / "box" / "work", folder / "box" / "home", folder / "box" / "tmp")
    (box.checkout / ".git").mkdir(parents=True)
    box.temporary.mkdir()
    (box.checkout / ".git" / "config").write_text("[core]\n")
    secret = folder / "secret"
    secret.write_text("nobody inside reads this\n")
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        # Without its first stroke: a file that an argument names by its full path is there inside.
        words = (str(secret)[1:], str(door.getsockname()[1]), str(os.getpid()))
        run_sandboxed(
            box,
            (os.path.realpath(sys.executable), "-I", "-S", "-c", _CANARY, *words),
            environment={"PATH": os.defpath, "TMPDIR": str(box.temporary)},
            output=folder / "log",
            limits=Limits(timeout=20, grace=0.2),
        )
    return (folder / "log").read_text(encoding="utf-8", errors="replace")


def _judged(text: str) -> SandboxProbe:
    line = next((line for line in reversed(text.splitlines()) if line.startswith("CANARY ")), None)
    if line is None:
        said = last_line(text) or "it said nothing"
        hint = next((hint for words, hint in _HINTS if words in said), "try it by hand: `bwrap --ro-bind / / true`")
        return SandboxProbe(False, f"bubblewrap does not start: {said}", hint)
    told = json.loads(line.removeprefix("CANARY "))
    wrong = [what for what in told if told[what] != (what in _WANTED)]
    if wrong:
        words = listed([f"cannot do this: {what}" if what in _WANTED else what for what in wrong])
        why = f"a trial in one showed that it does not hold: what is inside {words}"
        return SandboxProbe(False, why, "look at this bubblewrap: is it a wrapper, or of a container?")
    return SandboxProbe(True)
