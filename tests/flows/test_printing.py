"""What an agent printed reaches a terminal with its colours and without anything else that escapes can do."""

import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.flows.terminal.printing import coloured, copy_to

EVIL = (
    "\x1b[2J",  # clears the screen
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example\x1b\\",
    "\x1b]52;c;cm0gLXJm\x07",  # writes to the clipboard
    "\x1b[10A",
    "\x1b[?1049h",
    "\x1bc",
    "\x9b2J",
    "\x07",
    "\x08",
    "\u202e",
)


@pytest.mark.parametrize("evil", EVIL)
def test_colours_stay_and_all_other_sequences_go(evil: str) -> None:
    assert coloured(f"a{evil}\x1b[1;31mred\x1b[0m b\n") == "a\x1b[1;31mred\x1b[0m b\n\x1b[0m"
    assert coloured(f"a{evil}\x1b[1;31mred\x1b[0m b\n", colours=False) == "ared b\n"


@given(st.text(st.sampled_from("\x1b[]0123456789;:?mJHKhl\x07\\P\x9bab \n\r"), max_size=40))
def test_whatever_is_printed_no_sequence_but_a_colour_is_left(text: str) -> None:
    import re

    left = re.sub(r"\x1b\[[0-9;:]*m", "", coloured(text))
    assert not set(left) & {"\x1b", "\x9b", "\x07", "\r"}
    assert "\x1b" not in coloured(text, colours=False)


@given(st.lists(st.binary(max_size=6), max_size=12))
def test_a_pipe_gets_every_byte_as_it_was(chunks: list[bytes]) -> None:
    pipe = io.BytesIO()
    with copy_to(pipe) as write:
        for chunk in chunks:
            write(chunk)
    assert pipe.getvalue() == b"".join(chunks)


def test_a_sequence_that_is_cut_in_two_by_the_reading_is_still_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    master, slave = os.openpty()
    with open(slave, "wb", buffering=0) as terminal, copy_to(terminal) as write:  # noqa: PTH123
        for chunk in (b"one \x1b[2", b"J\xc3", b"\xa4 \x1b[3", b"2mgreen\x1b[", b"0m\nno end"):
            write(chunk)
    assert os.read(master, 1000).decode() == "one ä \x1b[32mgreen\x1b[0m\r\n\x1b[0mno end\r\n"
    os.close(master)


def test_a_log_that_never_ends_its_line_is_shown_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plait.flows.terminal.printing.LONGEST_LINE", 10)
    master, slave = os.openpty()
    with open(slave, "wb", buffering=0) as terminal, copy_to(terminal) as write:  # noqa: PTH123
        write(b"x" * 11)
        assert os.read(master, 100) == b"x" * 11
    os.close(master)
