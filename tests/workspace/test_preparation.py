"""A checkout is made ready once for each state of its lock files, and never by half."""

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from plait.plans.errors import EnvironmentProblem
from plait.workspace.preparation import Prepared, prepare
from plait.workspace.process import Limits

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
COUNT = "echo run >> ../runs; "


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[str], Path]:
    """A fresh checkout with a lock file."""

    def make(name: str, lock: str = "a==1\n") -> Path:
        directory = tmp_path / name
        (directory / ".git").mkdir(parents=True)
        (directory / "src").mkdir()
        (directory / "src" / "code.py").write_text("1\n")
        (directory / "requirements.lock").write_text(lock)
        return directory

    return make


def ready(
    directory: Path,
    *commands: str,
    inputs: tuple[str, ...] = ("*.lock",),
    keep: bool = True,
    stop: threading.Event | None = None,
    values: tuple[str, ...] = (),
    submodules: bool = False,
) -> Prepared:
    return prepare(
        directory,
        commands=commands,
        inputs=inputs,
        cache=directory.parent / "cache",
        environment=ENVIRONMENT,
        output=directory.parent / "logs" / directory.name,
        stop=stop,
        limits=Limits(grace=0.2),
        keep=keep,
        values=values,
        submodules=submodules,
    )


def runs(directory: Path) -> int:
    return len((directory.parent / "runs").read_text().split())


def test_no_commands_are_no_work(checkout: Callable[[str], Path]) -> None:
    assert ready(checkout("one")) == Prepared(ok=True)


def test_the_first_command_that_fails_ends_it(checkout: Callable[[str], Path]) -> None:
    one = checkout("one")
    prepared = ready(one, "echo first", "false; echo went on", "touch never")
    assert not prepared.ok
    assert prepared.ended is not None
    assert prepared.ended.status == 1
    assert not (one / "never").exists()
    assert (one.parent / "logs" / "one").read_text() == "first\n"


def test_what_commands_created_is_reused_by_the_lock_files(checkout: Callable[..., Path]) -> None:
    make = (
        COUNT + "mkdir -p lib/empty src/gen; echo x > lib/x; ln -s x lib/link; chmod 500 lib/x lib; echo g > src/gen/g"
    )
    one, two, three = checkout("one"), checkout("two"), checkout("three", lock="a==2\n")
    assert [ready(directory, make).reused for directory in (one, two, three)] == [False, True, False]
    assert runs(one) == 2
    assert (two / "lib" / "x").read_text() == "x\n"
    assert (two / "lib" / "x").stat().st_mode == (one / "lib" / "x").stat().st_mode
    assert (two / "lib").stat().st_mode == (one / "lib").stat().st_mode
    assert (two / "lib" / "x").stat().st_mtime_ns == (one / "lib" / "x").stat().st_mtime_ns
    assert (two / "lib" / "link").readlink() == Path("x")
    assert (two / "lib" / "empty").is_dir()
    assert (two / "src" / "gen" / "g").read_text() == "g\n"
    assert not ready(checkout("four"), make + "; true").reused, "other commands"


def test_nothing_is_reused_without_a_lock_file(checkout: Callable[[str], Path]) -> None:
    for name, inputs in (("one", ()), ("two", ()), ("three", ("missing.lock",)), ("four", ("missing.lock",))):
        assert not ready(checkout(name), COUNT + "touch made", inputs=inputs).reused
    linked = checkout("five")
    (linked / "other.lock").symlink_to("/etc/hostname")
    ready(linked, "touch made")
    assert not ready(linked, "touch made2").reused
    assert runs(linked) == 4


def test_what_was_made_with_other_values_or_without_submodules_is_not_reused(checkout: Callable[..., Path]) -> None:
    ready(checkout("first"), COUNT + "echo all > made", values=("NODE_ENV=development",))
    ready(checkout("second"), COUNT + "echo all > made", values=("NODE_ENV=production",))
    ready(checkout("third"), COUNT + "echo all > made", values=("NODE_ENV=production",), submodules=True)
    assert runs(checkout("last")) == 3

    assert ready(checkout("again"), COUNT + "echo all > made", values=("NODE_ENV=production",)).reused


def test_a_set_up_that_changed_what_was_there_is_not_kept(checkout: Callable[[str], Path]) -> None:
    for number, change in enumerate(
        ("echo 2 > src/code.py", "rm src/code.py", "echo 2 >> requirements.lock", "mkfifo p")
    ):
        for again in ("a", "b"):
            directory = checkout(f"{number}{again}")
            assert not ready(directory, f"touch made; {change}").reused


def test_a_set_up_that_fills_a_submodule_is_not_kept(checkout: Callable[[str], Path]) -> None:
    """Its `.git` is a file that leads into the `.git` of the checkout, which is not part of a result."""
    fill = COUNT + "mkdir -p lib .git/modules/lib; echo 'gitdir: ../.git/modules/lib' > lib/.git; echo x > lib/x"
    one, two = checkout("one"), checkout("two")
    assert [ready(directory, fill).reused for directory in (one, two)] == [False, False]
    assert runs(one) == 2


def test_a_set_up_beside_an_agents_work_is_not_kept_but_reuses(checkout: Callable[[str], Path]) -> None:
    assert not ready(checkout("one"), "touch made", keep=False).reused
    assert not ready(checkout("two"), "touch made").reused
    assert ready(checkout("three"), "touch made", keep=False).reused


def test_something_in_the_way_means_running_the_commands(checkout: Callable[[str], Path], tmp_path: Path) -> None:
    make = "mkdir -p gen/deep; touch gen/deep/made"
    ready(checkout("one"), make)
    occupied, linked = checkout("two"), checkout("three")
    (occupied / "gen").mkdir()
    (occupied / "gen" / "mine").write_text("kept")
    assert not ready(occupied, make).reused
    outside = tmp_path / "outside"
    outside.mkdir()
    (linked / "gen").symlink_to(outside)
    assert not ready(linked, "true").reused
    assert not ready(linked, make.replace("-p gen/deep", "-p deep").replace("gen/", "")).reused
    assert list(outside.iterdir()) == []


def test_paths_of_the_checkout_are_mended(checkout: Callable[[str], Path]) -> None:
    make = (
        'mkdir bin; printf "#!%s/bin/python\\n%s-other\\n" "$PWD" "$PWD" > bin/tool; chmod 555 bin/tool; '
        'ln -s "$PWD/src" bin/src; ln -s /usr/bin/env bin/env; printf "\\0%s" "$PWD" > bin/binary'
    )
    one, two = checkout("one"), checkout("two")
    ready(one, make)
    assert ready(two, make).reused
    assert (two / "bin" / "tool").read_text() == f"#!{two}/bin/python\n{one}-other\n"
    assert os.access(two / "bin" / "tool", os.X_OK)
    assert (two / "bin" / "src").readlink() == two / "src"
    assert (two / "bin" / "env").readlink() == Path("/usr/bin/env")
    assert (two / "bin" / "binary").read_bytes() == b"\0" + os.fsencode(one)


@pytest.mark.slow
def test_a_virtual_environment_works_in_the_next_checkout(checkout: Callable[[str], Path]) -> None:
    make = f"{shlex.quote(sys.executable)} -m venv .venv"
    ready(checkout("one"), make)
    two = checkout("two")
    assert ready(two, make).reused
    text = subprocess.check_output([two / ".venv" / "bin" / "pip", "--version"], text=True)
    assert str(two) in text


def test_many_at_once_run_it_once(checkout: Callable[[str], Path]) -> None:
    directories = [checkout(f"c{number}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        prepared = list(pool.map(lambda one: ready(one, COUNT + "sleep 0.2; touch made"), directories))
    assert sorted(one.reused for one in prepared) == [False] + [True] * 7
    assert runs(directories[0]) == 1
    assert all((one / "made").exists() for one in directories)


def test_a_stop_ends_the_command_and_the_waiting(checkout: Callable[[str], Path]) -> None:
    stop = threading.Event()
    threading.Timer(0.4, stop.set).start()
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda one: ready(one, "sleep 60", stop=stop), (checkout("one"), checkout("two"))))
    causes = [one.ended.cause for one in both if one.ended is not None]
    assert causes == ["cancelled", "cancelled"]


PREPARER = """
import os, sys
from pathlib import Path
from plait.workspace.preparation import prepare
here = Path(sys.argv[1])
prepare(here, commands=(sys.argv[2],), inputs=("*.lock",), cache=here.parent / "cache",
        environment={"PATH": os.environ["PATH"]}, output=here.parent / "log")
"""


@pytest.mark.slow
def test_a_killed_set_up_leaves_nothing_half(checkout: Callable[[str], Path]) -> None:
    one, two, three = checkout("one"), checkout("two"), checkout("three")
    cache, make = one.parent / "cache", "mkdir many; cd many; seq 1000 | xargs touch"
    preparer = subprocess.Popen(
        [sys.executable, "-c", PREPARER, one, make], env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    while preparer.poll() is None and not any(cache.glob(".half-*/files/many/1")):
        time.sleep(0.001)
    preparer.kill()
    assert preparer.wait() == -signal.SIGKILL, "it was killed while it copied"
    assert not ready(two, make).reused
    assert ready(three, make).reused
    assert len(list((three / "many").iterdir())) == 1000
    (half,) = cache.glob(".half-*")
    os.utime(half, (time.time() - 1e6,) * 2)
    ready(checkout("four"), "touch other")
    assert not half.exists(), "another set-up tidies up after a day"


def test_downloads_share_a_cache_unless_told_otherwise(checkout: Callable[[str], Path], tmp_path: Path) -> None:
    prepared = ready(checkout("one"), "echo $PIP_CACHE_DIR $npm_config_cache $UV_CACHE_DIR")
    assert prepared.ended is not None
    assert prepared.ended.tail.split() == [
        str(tmp_path / "cache" / "downloads" / name) for name in ("pip", "npm", "uv")
    ]


def test_a_cache_that_cannot_be_written_is_the_environment_s_fault(
    checkout: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(EnvironmentProblem, match="cannot write"):
        ready(checkout("one"), "true")
