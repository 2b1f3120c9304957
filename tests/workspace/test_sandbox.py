"""What is inside a sandbox, and how a program in one ends: as docs/sandbox.md says, a test for each sentence."""

import os
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from plait.plans.errors import EnvironmentProblem
from plait.workspace import sandbox, sandbox_probe
from plait.workspace.process import Limits
from plait.workspace.sandbox import Sandbox, object_stores
from plait.workspace.sandbox_probe import probe_sandbox
from tests.support.repositories import git
from tests.support.sandboxes import make_box, needs_sandbox, run_inside, shell_inside

pytestmark = needs_sandbox


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    return make_box(tmp_path)


# What it sees and writes


def test_the_checkout_home_and_tmpdir_are_written(box: Sandbox) -> None:
    shell_inside(box, "echo a > a; echo b > ~/b; echo c > $TMPDIR/c; echo d > /tmp/d")
    files = [box.checkout / "a", box.home / "b", box.temporary / "c"]
    assert [file.read_text() for file in files] == ["a\n", "b\n", "c\n"]


def test_the_git_of_the_checkout_is_read_only(box: Sandbox) -> None:
    script = "echo x >> .git/config || rm -rf .git || mv .git git || mkdir .git/hooks || cat .git/config"
    assert shell_inside(box, f"({script}) 2>/dev/null").startswith("[core]")
    assert [path.name for path in (box.checkout / ".git").iterdir()] == ["config"]


def test_a_program_that_has_to_write_git_writes_a_copy_of_it(box: Sandbox) -> None:
    told = shell_inside(replace(box, writes_git=True), "echo x > .git/x; cat .git/x .git/config; rm -rf .git/*")
    assert told.startswith("x\n[core]")
    assert [path.name for path in (box.checkout / ".git").iterdir()] == ["config"]


def test_nothing_else_of_the_machine_is_written(box: Sandbox) -> None:
    places = "/ /usr /usr/bin /etc /run /var /dev /proc /proc/sys/kernel /root /home /mnt /opt /srv"
    assert shell_inside(box, f'for place in {places}; do true > "$place/x"; done 2>/dev/null; ls /x /dev/x 2>&1').count(
        "No such file"
    ) in (1, 2)
    assert not any(Path(place, "x").exists() for place in places.split())


def test_the_users_home_other_checkouts_and_plaits_state_are_not_there(box: Sandbox, tmp_path: Path) -> None:
    secrets = [Path.home() / ".ssh" / "id", tmp_path / "plait-home" / "journal.jsonl", tmp_path / "box2" / "work" / "a"]
    for secret in secrets:
        secret.parent.mkdir(parents=True, exist_ok=True)
        secret.write_text("canary")
    try:
        words = " ".join(str(secret)[1:] for secret in secrets)
        script = f'for f in {words}; do cat "/$f"; done 2>/dev/null; grep -rs canary {tmp_path}/.. ; echo end'
        assert shell_inside(box, script) == "end"
    finally:
        shutil.rmtree(secrets[0].parent)


def test_files_of_etc_that_may_hold_secrets_are_not_there(box: Sandbox) -> None:
    names = "shadow gshadow sudoers gitconfig npmrc pip.conf ssh ssl/private machine-id environment resolv.conf"
    assert shell_inside(box, f"cd /etc; for f in {names}; do test -e $f && echo $f; done; echo end") == "end"


@pytest.mark.parametrize("name", ["core_pattern", "panic", "hostname"])
def test_the_kernel_is_not_changed_even_by_root(name: str, box: Sandbox) -> None:
    before = Path("/proc/sys/kernel", name).read_text()
    told = shell_inside(box, f"(echo '|/evil' > /proc/sys/kernel/{name}) 2>/dev/null || echo refused")
    assert (told, Path("/proc/sys/kernel", name).read_text()) == ("refused", before)


def test_there_are_no_capabilities_and_no_way_to_other_processes(box: Sandbox) -> None:
    assert shell_inside(box, "grep CapEff /proc/self/status | tr -d '\\t0'") == "CapEff:"
    assert int(shell_inside(box, "ls -d /proc/[0-9]* | wc -l")) < 10
    assert shell_inside(box, "mount -o remount,rw / 2>/dev/null || nsenter -t 1 -m true 2>/dev/null || echo no") == "no"


def test_devices_are_the_harmless_ones(box: Sandbox) -> None:
    allowed = {"full", "null", "random", "tty", "urandom", "zero", "ptmx"}
    assert set(shell_inside(box, "find /dev -xdev -type c -printf '%f ' 2>/dev/null").split()) <= allowed


def test_variables_are_those_that_were_given_and_in_no_command_line(box: Sandbox) -> None:
    os.environ["CANARY_OUTSIDE"] = "outside"
    told = shell_inside(box, "env; cat /proc/*/cmdline /proc/*/environ | tr '\\0' '\\n'", KEY="s3cret")
    assert "KEY=s3cret" in told.splitlines()
    assert "CANARY_OUTSIDE" not in told
    assert shell_inside(box, "cat /proc/*/cmdline | tr '\\0' '\\n' | grep -c s3cre[t]", KEY="s3cret") == "0"


def test_home_is_its_own_and_what_named_the_old_one_is_gone(box: Sandbox) -> None:
    told = shell_inside(box, "echo $HOME $XDG_CONFIG_HOME $TMPDIR", XDG_CONFIG_HOME="/root/.config")
    assert told == f"{box.home} {box.temporary}"


def test_only_the_standard_streams_are_open(box: Sandbox) -> None:
    assert shell_inside(box, "ls /proc/self/fd | tr '\\n' ' '") == "0 1 2 3 "


# The network


@contextmanager
def echoing(path: Path | None = None) -> Iterator[socket.socket]:
    """A server that sends back in capitals what it gets, until the other end is through."""
    door = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
    door.bind(str(path) if path else ("127.0.0.1", 0))
    door.listen()

    def serve(end: socket.socket) -> None:
        with end:
            while piece := end.recv(1 << 16):
                end.sendall(piece.upper())

    def accept() -> None:
        while True:
            try:
                end, _ = door.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(end,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield door
    finally:
        door.shutdown(socket.SHUT_RDWR)
        door.close()


TALK = r"""
import socket, sys, threading
port, size = int(sys.argv[1]), int(sys.argv[2])
def talk():
    with socket.create_connection(("127.0.0.1", port)) as end:
        threading.Thread(target=lambda: (end.sendall(b"a" * size), end.shutdown(socket.SHUT_WR))).start()
        got = b""
        while piece := end.recv(65536):
            got += piece
    sys.stdout.write(f"{len(got)} {set(got) == {65}}\n")
threads = [threading.Thread(target=talk) for _ in range(int(sys.argv[3]))]
for each in threads: each.start()
for each in threads: each.join()
"""


def talk(box: Sandbox, port: int, size: int, lines: int = 1) -> list[str]:
    return run_inside(box, [sys.executable, "-S", "-c", TALK, *map(str, (port, size, lines))]).tail.splitlines()


def test_the_network_is_out_of_reach(box: Sandbox) -> None:
    with echoing() as door:
        assert "ConnectionRefusedError" in talk(box, door.getsockname()[1], 10)[-1]
    told = run_inside(box, [sys.executable, "-c", "import socket; socket.create_connection(('192.0.2.1', 80), 5)"]).tail
    assert "Network is unreachable" in told


def test_a_unix_socket_that_comes_in_is_a_port_inside(box: Sandbox, tmp_path: Path) -> None:
    with echoing(tmp_path / "door"):
        assert talk(replace(box, sockets={8080: tmp_path / "door"}), 8080, 3_000_000, 8) == ["3000000 True"] * 8


def test_a_socket_of_nobody_is_a_connection_that_ends(box: Sandbox, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(tmp_path / "door"))
    told = talk(replace(box, sockets={8080: tmp_path / "door"}), 8080, 1)
    assert told[-1].startswith(("ConnectionResetError", "BrokenPipeError", "OSError", "0 False"))


def test_sockets_of_programs_outside_are_not_reached_by_name(box: Sandbox, tmp_path: Path) -> None:
    script = "import socket, sys; socket.socket(socket.AF_UNIX).connect('\\0plait-canary')"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind("\0plait-canary")
        door.listen()
        assert "Refused" in run_inside(box, [sys.executable, "-c", script]).tail


# How it ends


@pytest.mark.parametrize(
    ("script", "cause", "status"),
    [
        ("exit 0", "exited", 0),
        ("exit 1", "exited", 1),
        ("exit 137", "exited", 137),
        ("exit 255", "exited", 255),
        ("kill -9 $$", "signalled", -9),
        ("kill -15 $$", "signalled", -15),
        ("kill -6 $$", "signalled", -6),
    ],
)
def test_exit_statuses_and_signals_come_through_as_they_are(script: str, cause: str, status: int, box: Sandbox) -> None:
    ended = run_inside(box, ["/bin/sh", "-c", script])
    assert (ended.cause, ended.status) == (cause, status)


def test_standard_input_and_both_outputs_come_through(box: Sandbox) -> None:
    ended = run_inside(box, ["/bin/sh", "-c", "cat; echo trouble >&2"], stdin=b"\x00\xff" * 100_000)
    assert ended.output.read_bytes() == b"\x00\xff" * 100_000 + b"trouble\n"


def test_a_program_hears_the_polite_signal_and_may_tidy_up(box: Sandbox) -> None:
    script = "trap 'echo tidy > tidy; exit 5' TERM; while :; do sleep 0.05; done"
    ended = run_inside(box, ["/bin/sh", "-c", script], limits=Limits(timeout=0.5, grace=60))
    assert (ended.cause, ended.status) == ("timeout", 5)
    assert (box.checkout / "tidy").exists()


def test_silence_ends_it(box: Sandbox) -> None:
    assert run_inside(box, ["/bin/sleep", "60"], limits=Limits(stall=0.5, grace=0.2)).cause == "stalled"


def test_what_it_uses_of_memory_is_seen(box: Sandbox) -> None:
    hold = [sys.executable, "-S", "-c", "held = bytearray(400_000_000); import time; time.sleep(60)"]
    assert run_inside(box, hold, limits=Limits(memory=200_000_000, grace=0.2)).cause == "memory"


def test_a_program_that_is_not_there_is_told_as_outside(box: Sandbox) -> None:
    with pytest.raises(EnvironmentProblem, match="'nothing-of-the-kind' was not found"):
        run_inside(box, ["nothing-of-the-kind"])


def test_a_program_that_cannot_be_run_is_told_as_outside(box: Sandbox) -> None:
    script = box.checkout / "agent"
    script.write_text("#!/nonexistent/interpreter\n")
    script.chmod(0o755)
    with pytest.raises(EnvironmentProblem, match=r"cannot run \./agent: No such file"):
        run_inside(box, ["./agent"])


def test_what_it_leaves_behind_is_counted_and_gone(box: Sandbox) -> None:
    ended = run_inside(box, ["/bin/sh", "-c", "setsid sleep 100 & setsid sleep 100 & echo done"])
    assert (ended.status, ended.killed, ended.survivors) == (0, 2, 0)


def test_a_helper_that_ends_by_itself_may_end(box: Sandbox) -> None:
    assert run_inside(box, ["/bin/sh", "-c", "(sleep 0.01; echo late) & echo soon"]).tail == "soon\nlate\n"


# Programs and git


def test_the_git_of_a_checkout_that_borrows_its_objects_works(tmp_path: Path, repository: Path) -> None:
    box = make_box(tmp_path)
    shutil.rmtree(box.checkout)
    git(tmp_path, "clone", "-q", "--shared", str(repository), str(tmp_path / "between"))
    git(tmp_path, "clone", "-q", "--shared", str(tmp_path / "between"), str(box.checkout))
    told = "git log --oneline | wc -l; echo x >> app.py; git diff --stat | tail -1; git status --short"
    assert "bad object" in shell_inside(box, f"({told}) 2>&1") or "fatal" in shell_inside(box, f"({told}) 2>&1")
    git(box.checkout, "checkout", "-q", "app.py")
    stores = object_stores(tmp_path / "between" / ".git" / "objects")
    assert repository / ".git" / "objects" in stores
    told = shell_inside(replace(box, readable=stores), told)
    assert told.splitlines() == ["1", " 1 file changed, 1 insertion(+)", " M app.py"]
    assert shell_inside(replace(box, readable=stores), f"ls {repository}/.git") == "objects"


def test_the_python_of_the_tests_runs_inside(box: Sandbox) -> None:
    told = run_inside(box, [sys.executable, "-c", "import pydantic, sys; print(sys.prefix)"]).tail
    assert told == f"{sys.prefix}\n"


# Whether there is one


def test_the_canary_finds_that_sandboxes_work() -> None:
    assert probe_sandbox(anew=True).works


@pytest.mark.parametrize(
    ("wrapper", "why"),
    [
        ("exit 1", "bubblewrap does not start"),
        ("echo 'bwrap: No permissions to create new namespace' >&2; exit 1", "No permissions to create new namespace"),
        # It does as it is told, without a sandbox around it.
        ('while [ "$1" != -- ]; do shift; done; shift; exec /bin/true', "bubblewrap does not start: it said nothing"),
        ('shift; n=$1; shift; sed "s/--unshare-all/--unshare-pid/" <&$n >/tmp/o$$; exec 30</tmp/o$$; rm /tmp/o$$; '
         'exec /usr/bin/bwrap --args 30 "$@"', "reaches the network"),
    ],
)  # fmt: skip
def test_a_bubblewrap_that_is_there_and_does_not_confine_is_found_out(
    wrapper: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bwrap").write_text(f"#!/bin/bash\n{wrapper}\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    probe = probe_sandbox()
    assert not probe.works
    assert why in probe.why
    assert probe.hint


def test_a_machine_without_bubblewrap_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    probe = probe_sandbox()
    assert not probe.works
    assert "apt-get install bubblewrap" in probe.hint
    with pytest.raises(EnvironmentProblem, match="no bubblewrap"):
        sandbox.confined(["/bin/true"], {}, Sandbox(tmp_path, tmp_path, tmp_path), ways={})
    assert sandbox_probe.probe_sandbox() is probe
