"""Plain files are read, all else is refused and never waited for; what is written is there whole or not at all."""

import os
import threading
from pathlib import Path

import pytest

from plait.workspace.small_files import read_json_object, read_plain_file, write_whole


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.json"


def test_a_plain_file_is_read_up_to_its_bound(file: Path) -> None:
    file.write_text('{"a": "é"}')
    assert read_plain_file(file) == '{"a": "é"}'
    assert read_json_object(file) == {"a": "é"}
    with pytest.raises(ValueError, match="more than 3 bytes"):
        read_plain_file(file, most=3)


def test_what_is_no_plain_file_is_refused(file: Path) -> None:
    os.mkfifo(file)
    with pytest.raises(OSError, match="not a plain file"):
        read_plain_file(file)
    for target in (Path("/dev/zero"), file, file.with_name("there")):
        file.unlink()
        file.with_name("there").write_text("{}")
        file.symlink_to(target)
        with pytest.raises(OSError, match="links"):
            read_plain_file(file)


@pytest.mark.parametrize("text", [b"[]", b"1", b"", b"{", b"[" * 100_000, b'{"a":' * 100_000, b"\xff{}"])
def test_what_is_no_object_is_one_kind_of_error(file: Path, text: bytes) -> None:
    file.write_bytes(text)
    with pytest.raises(ValueError):  # noqa: PT011  whatever it says, that is what callers take
        read_json_object(file)


def test_a_file_is_written_whole_and_nothing_else_is_left(file: Path) -> None:
    write_whole(file, '{"a": "é"}')
    assert read_json_object(file) == {"a": "é"}
    write_whole(file, b"\xff")
    assert file.read_bytes() == b"\xff"
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_what_cannot_be_written_leaves_the_old_file_and_nothing_else(file: Path) -> None:
    file.mkdir()
    (file / "inside").touch()
    with pytest.raises(OSError, match="irectory"):
        write_whole(file, "new")
    with pytest.raises(FileNotFoundError):
        write_whole(file.parent / "no" / "such", "new")
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert (file / "inside").exists()


def test_of_many_writers_at_once_one_is_read(file: Path) -> None:
    write_whole(file, "0" * 100_000)
    writers = [threading.Thread(target=write_whole, args=(file, str(n) * 100_000)) for n in range(8)]
    for writer in writers:
        writer.start()
    seen = [read_plain_file(file) for _ in range(50)]
    for writer in writers:
        writer.join()
    assert all(len(text) == 100_000 and len(set(text)) == 1 for text in seen)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
