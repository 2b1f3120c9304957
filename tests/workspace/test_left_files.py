"""Files that somebody may have changed since: plain ones are read, all else is refused and never waited for."""

import os
from pathlib import Path

import pytest

from plait.workspace.left_files import read_left, read_left_object


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.json"


def test_a_plain_file_is_read_up_to_its_bound(file: Path) -> None:
    file.write_text('{"a": "é"}')
    assert read_left(file) == '{"a": "é"}'
    assert read_left_object(file) == {"a": "é"}
    with pytest.raises(ValueError, match="more than 3 bytes"):
        read_left(file, most=3)


def test_what_is_no_plain_file_is_refused(file: Path) -> None:
    os.mkfifo(file)
    with pytest.raises(OSError, match="not a plain file"):
        read_left(file)
    for target in (Path("/dev/zero"), file, file.with_name("there")):
        file.unlink()
        file.with_name("there").write_text("{}")
        file.symlink_to(target)
        with pytest.raises(OSError, match="links"):
            read_left(file)


@pytest.mark.parametrize("text", [b"[]", b"1", b"", b"{", b"[" * 100_000, b'{"a":' * 100_000, b"\xff{}"])
def test_what_is_no_object_is_one_kind_of_error(file: Path, text: bytes) -> None:
    file.write_bytes(text)
    with pytest.raises(ValueError):  # noqa: PT011  whatever it says, that is what callers take
        read_left_object(file)
