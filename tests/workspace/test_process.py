"""Programs are run to their end: what they print, how they end, and what is said when they cannot run."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from plait.plans.errors import CallError, EnvironmentProblem
from plait.workspace import shim
from plait.workspace.errors import DiskFull
from plait.workspace.process import UNLIMITED, Ended, Limits, run_quick, run_supervised
from plait.workspace.redacting import kept_secret
from tests.support.patience import patience

ENVIRONMENT = {"PATH": os.environ["PATH"]}
FIRM = Limits(grace=0.2)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Ended]:
    """Run a shell script in a fresh directory."""

    def run_script(
        script: str,
        *,
        limits: Limits = UNLIMITED,
        stdin: bytes | None = None,
        stop: threading.Event | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> Ended:
        return run_supervised(
            ["sh", "-c", script],
            directory=tmp_path,
            environment=ENVIRONMENT,
            output=tmp_path / "logs" / "log",
            stdin=stdin,
            limits=limits,
            stop=stop,
            on_line=on_line,
        )

    return run_script


def test_status_and_both_streams_are_told(run: Callable[..., Ended], tmp_path: Path) -> None:
    ended = run("echo out; echo err >&2; pwd; exit 3")
    assert (ended.status, ended.cause, ended.ok) == (3, "exited", False)
    assert ended.tail == f"out\nerr\n{tmp_path}\n"
    assert ended.output.read_text() == ended.tail
    assert ended.output_bytes == len(ended.tail)


def test_a_signal_is_a_negative_status(run: Callable[..., Ended]) -> None:
    ended = run("kill -9 $$")
    assert (ended.status, ended.cause) == (-9, "signalled")


def test_a_second_run_appends_to_the_log_and_tells_only_its_own(run: Callable[..., Ended]) -> None:
    run("echo first")
    ended = run("echo second")
    assert (ended.tail, ended.output_bytes) == ("second\n", 7)
    assert ended.output.read_text() == "first\nsecond\n"


def test_the_environment_is_what_was_given(run: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "canary")
    names = {line.split("=")[0] for line in run("exec env").tail.splitlines()}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "PLAIT_PROCESS"}


def test_only_three_descriptors_and_default_signals_are_inherited(run: Callable[..., Ended]) -> None:
    assert run("ls /proc/self/fd").tail.split() == ["0", "1", "2", "3"], "3 is the directory that ls reads"
    ignored = run("grep SigIgn /proc/self/status; grep SigBlk /proc/self/status").tail.split()
    # The C library keeps 32 and 33 for itself: whoever started the tests may ignore them, and no program can undo that.
    of_libc = 1 << 31 | 1 << 32
    assert int(ignored[1], 16) & ~of_libc == int(ignored[3], 16) & ~of_libc == 0


def test_input_is_read_and_nothing_when_there_is_none(run: Callable[..., Ended]) -> None:
    assert run("cat", stdin="prompt \N{SNOWMAN}".encode()).tail == "prompt \N{SNOWMAN}"
    assert run("cat").tail == ""


def test_a_big_input_that_nobody_reads_does_not_wait(run: Callable[..., Ended]) -> None:
    with patience():
        assert run("echo done", stdin=b"x" * 10_000_000).tail == "done\n"


def test_a_timeout_ends_the_program(run: Callable[..., Ended]) -> None:
    with patience():
        ended = run("echo begun; sleep 300", limits=Limits(timeout=1, grace=0.2))
    assert (ended.cause, ended.tail) == ("timeout", "begun\n")


def test_a_program_may_tidy_up_in_the_grace_period(run: Callable[..., Ended]) -> None:
    with patience():
        ended = run("trap 'echo tidy; exit 5' TERM; sleep 300 & wait", limits=Limits(timeout=1, grace=300))
    assert (ended.cause, ended.status, ended.tail) == ("timeout", 5, "tidy\n")


def test_silence_is_a_stall_and_output_is_not(run: Callable[..., Ended]) -> None:
    limits = Limits(stall=1.5, grace=0.2)
    assert run("for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.25; done", limits=limits).ok
    assert run("echo 1; sleep 60", limits=limits).cause == "stalled"


def test_a_stop_from_another_thread_ends_it_soon(run: Callable[..., Ended]) -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    with patience():
        ended = run("trap '' TERM; while :; do sleep 1; done", limits=Limits(grace=0.5), stop=stop)
    assert (ended.cause, ended.status) == ("cancelled", -9)


def test_a_stop_that_was_set_before_lets_nothing_go_on(run: Callable[..., Ended]) -> None:
    stop = threading.Event()
    stop.set()
    with patience():
        assert run("sleep 300", stop=stop).cause == "cancelled"


def test_a_flood_is_ended_at_the_limit(run: Callable[..., Ended]) -> None:
    ended = run("yes", limits=Limits(output_bytes=1_000_000, grace=0.2))
    assert ended.cause == "flooded"
    assert ended.output_bytes == ended.output.stat().st_size == 1_000_000


def test_a_flood_just_before_the_end_is_told_too(run: Callable[..., Ended]) -> None:
    assert run("echo 1234567890", limits=Limits(output_bytes=5)).cause == "flooded"
    assert run("echo 1234", limits=Limits(output_bytes=5)).ok


def test_of_a_flood_that_is_kept_in_bounds_the_beginning_and_the_end_are_there(run: Callable[..., Ended]) -> None:
    ended = run("echo first; seq 1000000; echo last", limits=Limits(kept_bytes=100_000))
    log = ended.output.read_text()
    assert ended.ok
    assert log.startswith("first\n1\n2\n")
    assert log.endswith("999999\n1000000\nlast\n")
    assert 100_000 <= len(log) == ended.output_bytes < 100_100
    printed = len("first\nlast\n") + sum(len(f"{number}\n") for number in range(1, 1_000_001))
    assert f"\n[{printed - 100_000} bytes are left out here]\n" in log


@pytest.mark.parametrize("size", [9, 10, 11, 15, 16, 20, 21])
def test_what_just_fits_into_the_bounds_is_whole(run: Callable[..., Ended], size: int) -> None:
    log = run(f"printf %0{size}d 7", limits=Limits(kept_bytes=20)).output.read_text()
    assert log == (f"{7:0{size}d}" if size <= 20 else "0000000000\n[1 bytes are left out here]\n0000000007")


def test_bounds_of_the_log_hold_for_each_program_alone(run: Callable[..., Ended]) -> None:
    run("echo before")
    ended = run("seq 100000", limits=Limits(kept_bytes=1_000))
    assert ended.output.read_text().startswith("before\n1\n2\n")
    assert ended.tail.endswith("99999\n100000\n")


@pytest.mark.skipif(sys.platform != "linux", reason="counted in another way elsewhere")
def test_a_program_that_holds_too_much_memory_is_ended_with_its_children(run: Callable[..., Ended]) -> None:
    hold = f"{sys.executable} -c 'import time; held = bytearray(40_000_000); time.sleep(60)' & "
    assert run(f"{hold} wait", limits=Limits(memory=200_000_000, timeout=2, grace=0.1)).cause == "timeout"
    with patience():
        ended = run(f"{hold * 8} wait", limits=Limits(memory=200_000_000, grace=0.1))
    assert (ended.cause, ended.survivors) == ("memory", 0)
    assert ended.killed >= 8


def test_the_memory_of_a_group_is_told_by_ps() -> None:
    assert shim.group_memory(os.getpgrp()) > 1_000_000
    assert shim.group_memory(0x7FFFFFFF) == 0


def test_all_that_was_printed_is_in_the_log(run: Callable[..., Ended]) -> None:
    ended = run("head -c 20000000 /dev/zero; echo; echo the end")
    assert ended.output_bytes == 20_000_009
    assert ended.tail.endswith("the end\n")


def test_output_that_is_not_text_becomes_readable(run: Callable[..., Ended]) -> None:
    ended = run(r"printf 'a\377b \033[31mred\033[0m \033]0;title\007c\010\000\r\nx\ry\n'")
    assert ended.tail == "a\N{REPLACEMENT CHARACTER}b red c\nx\ny\n"


def test_the_last_line_is_told_now_and_then(run: Callable[..., Ended]) -> None:
    lines: list[str] = []
    ended = run("for i in $(seq 400); do echo line $i; sleep 0.002; done; echo over", on_line=lines.append)
    assert ended.ok
    assert lines[-1] == "over"
    assert 2 <= len(lines) <= 2 + ended.seconds * 5.5


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    def start(*argv: str, directory: Path = tmp_path) -> None:
        run_supervised(argv, directory=directory, environment=ENVIRONMENT, output=tmp_path / "log")

    with pytest.raises(EnvironmentProblem, match="'no-such-agent' was not found") as caught:
        start("no-such-agent")
    assert "install no-such-agent" in str(caught.value.hint)
    with pytest.raises(EnvironmentProblem, match="no directory"):
        start("true", directory=tmp_path / "missing")
    with pytest.raises(CallError, match="NUL"):
        start("echo", "a\0b")
    with pytest.raises(CallError, match="no program"):
        start()
    with pytest.raises(EnvironmentProblem, match="cannot run echo: Argument list too long"):
        start("echo", "x" * 3_000_000)


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("#!/no/such/interpreter\n", 0o755, "cannot run ./it: No such file"),
        ("echo no first line\n", 0o755, "cannot run ./it: Exec format error"),
        ("#!/bin/sh\n", 0o644, "is not executable"),
    ],
)
def test_a_script_that_cannot_run_is_explained(tmp_path: Path, text: str, mode: int, said: str) -> None:
    script = tmp_path / "it"
    script.write_text(text)
    script.chmod(mode)
    with pytest.raises(EnvironmentProblem, match=said) as caught:
        run_supervised(["./it"], directory=tmp_path, environment=ENVIRONMENT, output=tmp_path / "log")
    assert caught.value.hint


def test_odd_names_reach_the_program_unchanged(tmp_path: Path) -> None:
    odd = os.fsdecode(b"sp ace \xff\n'\"$(id)")
    (tmp_path / odd).mkdir()
    ended = run_supervised(
        [
            sys.executable,
            "-c",
            "import os, sys; print(os.fsencode(sys.argv[1]) == os.fsencode(os.path.basename(os.getcwd())))",
            odd,
        ],
        directory=tmp_path / odd,
        environment={},
        output=tmp_path / odd / "log",
    )
    assert ended.tail == "True\n", ended


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told_and_the_program_ended(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match="no space left"):
        run_supervised(
            ["sh", "-c", "echo x; sleep 60"],
            directory=tmp_path,
            environment=ENVIRONMENT,
            output=Path("/dev/full"),
            limits=FIRM,
        )


def test_many_threads_run_programs_at_once(tmp_path: Path) -> None:
    def run_one(number: int) -> str:
        argv = ["sh", "-c", f"sleep 0.1; echo {number}"]
        return run_supervised(argv, directory=tmp_path, environment=ENVIRONMENT, output=tmp_path / f"{number}").tail

    descriptors = open_descriptors()
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(run_one, range(48))) == [f"{number}\n" for number in range(48)]
    assert open_descriptors() == descriptors


def open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_a_probe_tells_status_and_text(tmp_path: Path) -> None:
    def probe(script: str, timeout: float = 5) -> tuple[int, str]:
        return run_quick(["sh", "-c", script], directory=tmp_path, environment=ENVIRONMENT, timeout=timeout)

    assert probe("echo 1.2.3; echo more >&2; exit 4") == (4, "1.2.3\nmore\n")
    with patience():
        assert probe("echo 1; sleep 300 & sleep 300", timeout=1) == (124, "1\n")
    with pytest.raises(EnvironmentProblem, match="not found"):
        run_quick(["no-such-agent"], directory=tmp_path, environment=ENVIRONMENT)


@pytest.mark.parametrize("instead", ["true", "mkfifo logs/log", "mkdir logs/log", "ln -s /dev/zero logs/log"])
def test_a_program_that_puts_something_else_in_place_of_its_log_is_still_watched(
    run: Callable[..., Ended], instead: str
) -> None:
    script = f"echo said; rm logs/log; {instead}; sleep 0.4; exec sleep 60"
    ended = run(script, limits=Limits(timeout=0.8, grace=0.2), on_line=lambda _: None)
    assert (ended.cause, ended.tail) == ("timeout", "")


def test_no_secret_that_a_program_was_given_gets_into_its_log(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "API_KEY": "hunter22222-hunter", "PLACE": "given-by-the-plan-7"}
    script = """
        printf 'hunter22'; sleep 0.1; printf '222-hun'; sleep 0.1; echo ter and "$PLACE"
        printf %s "$API_KEY" | base64; echo 'hunter22222 is none'; printf 'the end: hunter22222-'
    """
    lines: list[str] = []
    with kept_secret(["given-by-the-plan-7"]):
        ended = run_supervised(
            ("/bin/sh", "-c", script),
            directory=tmp_path,
            environment=environment,
            output=tmp_path / "log",
            on_line=lines.append,
        )
    assert ended.output.read_text() == ended.tail
    assert ended.tail.splitlines()[0] == "*** and ***"
    assert ended.tail.splitlines()[1].startswith("***")
    assert ended.tail.splitlines()[2:] == ["hunter22222 is none", "the end: hunter22222-"], (
        "what was held back is there"
    )
    assert ended.output_bytes == len(ended.tail)
    assert not any("hunter22222-hunter" in line for line in lines)


def test_a_program_that_is_killed_leaves_what_was_held_back(run: Callable[..., Ended]) -> None:
    with kept_secret(["hunter22222-hunter"]), patience():
        ended = run("printf 'so far hunter22222'; kill -9 $$")
    assert (ended.cause, ended.tail) == ("signalled", "so far hunter22222")


def test_a_flood_with_secrets_is_ended_at_the_limit_too(run: Callable[..., Ended]) -> None:
    with kept_secret(["hunter22222-hunter"]), patience():
        ended = run("yes hunter22222-hunter", limits=Limits(output_bytes=100_000, grace=0.2))
    assert (ended.cause, ended.output_bytes) == ("flooded", 100_000)
    assert set(ended.output.read_text().split()) == {"***"}
