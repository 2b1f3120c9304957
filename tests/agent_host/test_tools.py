"""What a model can do with its tools, and what it is told when it cannot."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from plait.agent_host import tools
from plait.agent_host.checkout_files import CheckoutFiles, FileRefused


@pytest.fixture
def files(tmp_path: Path) -> Iterator[CheckoutFiles]:
    (tmp_path / "work" / "src").mkdir(parents=True)
    opened = CheckoutFiles(str(tmp_path / "work"))
    yield opened
    opened.close()


def test_an_edit_replaces_what_is_there_once(files: CheckoutFiles) -> None:
    files.write("a.txt", b"one two two\n")

    tools.edit(files, "a.txt", "one", "1", everywhere=False)
    tools.edit(files, "a.txt", "two", "2", everywhere=True)

    assert files.read("a.txt") == b"1 2 2\n"


@pytest.mark.parametrize(
    ("old", "told"), [("three", "is not in"), ("two", "is in a.txt 2 times"), ("", "is empty"), ("\ud800", "surrogate")]
)
def test_an_edit_that_fits_nowhere_or_twice_changes_nothing(files: CheckoutFiles, old: str, told: str) -> None:
    files.write("a.txt", b"one two two\n")

    with pytest.raises(FileRefused, match=told):
        tools.edit(files, "a.txt", old, "x", everywhere=False)

    assert files.read("a.txt") == b"one two two\n"


def test_an_edit_keeps_the_ends_of_lines_that_a_file_has(files: CheckoutFiles) -> None:
    files.write("a.txt", b"one\r\ntwo\r\n")

    tools.edit(files, "a.txt", "one\ntwo", "1\n2", everywhere=False)

    assert files.read("a.txt") == b"1\r\n2\r\n"


def test_a_search_names_file_and_line_and_passes_over_what_is_no_text(files: CheckoutFiles) -> None:
    files.write("src/a.py", b"x = 1\nneedle = 2\n")
    files.write("src/b.bin", b"\0needle")
    files.write("node_modules/c.py", b"needle")
    files.write("d.txt", b"needle")

    assert tools.search(files, "needle", ".", "*.py") == "src/a.py:2:needle = 2"
    assert tools.search(files, "nee+dle", "src/a.py", "*") == "src/a.py:2:needle = 2"
    assert tools.search(files, "absent", ".", "*") == "[no line fits]"


def test_a_search_that_would_never_end_is_ended(files: CheckoutFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "SEARCH_SECONDS", 0.2)
    files.write("a.txt", b"a" * 60 + b"b")

    with pytest.raises(tools.TooSlow, match="make it simpler"):
        tools.search(files, "(a+)+$", ".", "*")


def test_an_expression_that_is_none_is_told(files: CheckoutFiles) -> None:
    with pytest.raises(FileRefused, match="no regular expression"):
        tools.search(files, "(", ".", "*")


def test_a_long_file_is_read_in_parts(files: CheckoutFiles) -> None:
    files.write("a.txt", b"".join(b"%d\n" % number for number in range(1, 5001)))

    assert tools.read(files, "a.txt", 4999, 10) == "4999\n5000\n\n[lines 4999 to 5000 of 5000]"
    assert tools.read(files, "a.txt", 1, 10**9).endswith("[lines 1 to 2000 of 5000]")
    assert tools.read(files, "a.txt", 9999, 1) == "\n[lines 9999 to 9998 of 5000]"


def test_a_listing_is_bounded(files: CheckoutFiles, tmp_path: Path) -> None:
    for number in range(tools.MOST_ENTRIES + 1):
        (tmp_path / "work" / "src" / f"{number}").touch()

    lines = tools.listing(files, ".", recursive=True).splitlines()

    assert len(lines) == tools.MOST_ENTRIES + 1
    assert lines[-1].startswith("[more than")


def _shell(command: str, folder: Path, seconds: float = 20.0) -> tuple[bool, str]:
    return tools.shell(
        command,
        directory=str(folder / "work"),
        environment={"PATH": "/usr/bin:/bin"},
        temporary=str(folder),
        seconds=seconds,
        stop=threading.Event(),
        on_line=lambda _line: None,
    )


@pytest.mark.usefixtures("files")
def test_a_command_gives_its_output_and_its_status(tmp_path: Path) -> None:
    assert _shell("echo out; echo err >&2; exit 3", tmp_path) == (False, "out\nerr\n\n[exit status 3]")
    assert _shell("true", tmp_path) == (True, "[exit status 0]")
    assert list(tmp_path.glob("command-*")) == []


@pytest.mark.usefixtures("files")
def test_a_command_that_takes_too_long_ends_with_all_that_it_started(tmp_path: Path) -> None:
    is_good, text = _shell("sleep 300 & sleep 300", tmp_path, seconds=1)

    assert not is_good
    assert text == "[stopped after 1 seconds]"


@pytest.mark.usefixtures("files")
def test_of_a_long_output_the_beginning_and_the_end_are_told(tmp_path: Path) -> None:
    is_good, text = _shell("echo begin; yes | head -c 3000000; echo end", tmp_path)

    assert is_good
    assert len(text) < 2 * tools.LONGEST_OUTPUT
    assert text.startswith("begin")
    assert "end" in text[-40:]
