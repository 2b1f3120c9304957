"""A model's files: confined to the checkout, whatever it asks for and whatever moves meanwhile."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from plait.agent_host.checkout_files import CheckoutFiles, FileRefused, PathDenied, is_gits

SECRET = b"a secret"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A checkout beside a secret, with links to it of every kind."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(SECRET)
    checkout = tmp_path / "checkout"
    (checkout / "src").mkdir(parents=True)
    (checkout / ".git").mkdir()
    (checkout / ".git" / "config").write_bytes(SECRET)
    (checkout / "src" / "main.py").write_text("print()\n")
    (checkout / "file-link").symlink_to(tmp_path / "outside" / "secret")
    (checkout / "folder-link").symlink_to(tmp_path / "outside")
    (checkout / "git-link").symlink_to(".git")
    (checkout / "src" / "up").symlink_to("..")
    os.mkfifo(checkout / "pipe")
    return checkout


@pytest.fixture
def files(place: Path) -> Iterator[CheckoutFiles]:
    opened = CheckoutFiles(str(place))
    yield opened
    opened.close()


ESCAPES = (
    "../outside/secret",
    "src/../../outside/secret",
    "/etc/passwd",
    "/proc/self/environ",
    "file-link",
    "folder-link/secret",
    "git-link/config",
    "src/up/.git/config",
    ".git/config",
    ".GIT/config",
    "./.git/./config",
    ".git\u200c/config",
    "pipe",
    "src",
    "",
    ".",
    "a\0b",
    "x" * 5000,
    "src/main.py/deeper",
)


@pytest.mark.parametrize("path", ESCAPES)
def test_no_way_out_is_read_or_written(path: str, files: CheckoutFiles, place: Path) -> None:
    with pytest.raises(FileRefused):
        files.read(path)
    with pytest.raises(FileRefused):
        files.write(path, b"mine")

    assert (place.parent / "outside" / "secret").read_bytes() == SECRET
    assert (place / ".git" / "config").read_bytes() == SECRET
    assert os.listdir(place.parent / "outside") == ["secret"]  # noqa: PTH208


_PARTS = st.one_of(
    st.sampled_from(["..", ".", "", ".git", ".Git", "src", "file-link", "folder-link", "git-link", "up", "secret"]),
    st.text(max_size=8),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(_PARTS, max_size=6), absolute=st.booleans())
@example(parts=["src", "up", "folder-link", "secret"], absolute=False)
def test_whatever_path_it_is_nothing_but_the_checkout_is_touched(
    parts: list[str], absolute: bool, files: CheckoutFiles, place: Path
) -> None:
    path = ("/" if absolute else "") + "/".join(parts)
    for use in (lambda: files.read(path), lambda: files.write(path, b"mine"), lambda: files.list(path)):
        try:
            got = use()
        except FileRefused:
            continue
        assert got != SECRET
        assert not isinstance(got, list) or all(os.path.lexists(place / entry.path) for entry in got)

    assert (place.parent / "outside" / "secret").read_bytes() == SECRET
    assert (place / ".git" / "config").read_bytes() == SECRET
    assert sorted(os.listdir(place.parent)) == ["checkout", "outside"]  # noqa: PTH208


def test_a_path_may_be_absolute_where_it_is_in_the_checkout(files: CheckoutFiles, place: Path) -> None:
    files.write(f"{place}/src/new/deep.txt", b"deep")

    assert files.read("src/new/deep.txt") == b"deep"
    assert (place / "src/new/deep.txt").read_bytes() == b"deep"


def test_a_file_that_is_linked_elsewhere_stays_there_as_it_was(files: CheckoutFiles, place: Path) -> None:
    store = place.parent / "store"
    store.write_text("of the store")
    store.chmod(0o755)
    (place / "linked").hardlink_to(store)

    files.write("linked", b"changed")

    assert store.read_text() == "of the store"
    assert (place / "linked").read_text() == "changed"
    assert (place / "linked").stat().st_mode & 0o777 == 0o755


def test_a_link_is_told_with_where_it_leads(files: CheckoutFiles) -> None:
    with pytest.raises(FileRefused, match=r"symbolic link \(src/up -> \.\.\)"):
        files.read("src/up/src/main.py")


def test_denied_is_what_no_agent_may_and_not_what_is_missing(files: CheckoutFiles) -> None:
    with pytest.raises(PathDenied):
        files.read("../x")
    with pytest.raises(FileRefused) as missing:
        files.read("none")
    assert not isinstance(missing.value, PathDenied)


def test_a_folder_that_is_swapped_for_a_link_all_the_time_never_leads_out(files: CheckoutFiles, place: Path) -> None:
    real, link, swapped = place / "real", place / "link", place / "swapped"
    real.mkdir()
    (real / "secret").write_text("harmless")
    link.symlink_to(place.parent / "outside")
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            for each in (real, link):
                with suppress(OSError):  # a write makes the folder that is missing at the moment
                    each.rename(swapped)
                    swapped.rename(each)
                if real.exists() and link.is_symlink():
                    shutil.rmtree(swapped, ignore_errors=True)

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        for _ in range(2_000):
            try:
                assert files.read("swapped/secret") != SECRET
                files.write("swapped/secret", b"harmless")
            except FileRefused:
                continue
    finally:
        done.set()
        swapping.join()

    assert (place.parent / "outside" / "secret").read_bytes() == SECRET


@pytest.mark.parametrize("name", [".git", ".GIT", ".gIt", ".git.", ".git ", ".g\u200dit", "GIT~1", "\uff0egit"])
def test_names_that_some_file_system_takes_for_gits(name: str) -> None:
    assert is_gits(name)


@pytest.mark.parametrize("name", [".gitignore", ".github", "git", ".gitmodules", "x.git"])
def test_names_that_are_not_gits(name: str) -> None:
    assert not is_gits(name)


def test_a_walk_passes_over_links_and_git_and_ends(files: CheckoutFiles) -> None:
    paths = {entry.path for entry in files.walk(".", passed=frozenset())}

    assert paths == {"src", "src/main.py", "src/up", "file-link", "folder-link", "git-link", "pipe"}
