"""Commit messages of plait's: a subject, a body, and trailers that nobody can forge.

Built and read by us: `git interpret-trailers` and `commit --trailer` run commands that a configuration names, and take
a newline in one value for another trailer.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from plait.plans.errors import CallError
from plait.workspace.control import Control

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_TRAILER = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,63}): (.*)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_OURS = re.compile(r"\s*Plait-[a-z-]", re.IGNORECASE)
_WORK = re.compile(r" *(Plait-[A-Za-z-]{1,40}): (.*?) *")
_SUBJECT_LENGTH = 200
COMMITTER = "plait"
"""Of all commits that plait makes (`git._ENVIRONMENT`)."""


def message_with_trailers(subject: str, body: str, trailers: Mapping[str, str]) -> str:
    """A commit message whose last paragraph is the trailers, one `Key: value` a line.

    Subject and body may come from anyone: the subject is made one line, control characters are left out of both.

    Raises:
        CallError: a trailer's key is not a word, or its value has a control character or a newline.
    """
    for key, value in trailers.items():
        if not _KEY.fullmatch(key):
            raise CallError(f"{key!r} cannot be the key of a commit trailer")
        if _CONTROL.search(value):
            raise CallError(f"the value of the commit trailer {key} has a control character or a newline: {value!r}")
    first = " ".join(_CONTROL.sub(" ", subject).split())[:_SUBJECT_LENGTH] or "(no subject)"
    lines = [_body_line(line) for line in re.split(r"\r\n|\r|\n", body)]
    last = "\n".join(f"{key}: {value.strip()}" for key, value in trailers.items())
    return "\n\n".join(part for part in (first, "\n".join(lines).strip("\n"), last) if part) + "\n"


def _body_line(line: str) -> str:
    """A line of the body: an agent writes it, so it must not say whose work the commit is, also once it is squashed."""
    plain = _CONTROL.sub("", line.replace("\t", "    ")).rstrip()
    return f"> {plain}" if _OURS.match(plain) else plain


def body_of(content: str) -> str:
    """The body of a commit that `message_with_trailers` wrote, as it was given to that."""
    paragraphs = content.partition("\n\n")[2].rstrip("\n").split("\n\n")
    return re.sub(rf"^> (?={_OURS.pattern})", "", "\n\n".join(paragraphs[1:-1]), flags=re.MULTILINE | re.IGNORECASE)


def merge_message(subject: str, body: Iterable[str], trailers: Iterable[tuple[str, str]]) -> str:
    """The message of a merge of plait's; a key may come several times, and whatever words hold stays in its line."""
    paragraphs = [_line(subject, 100), "\n".join(_line(line, 200) for line in body)]
    paragraphs.append(
        "\n".join(f"{re.sub('[^A-Za-z0-9-]', '-', key)}: {_line(value, 1000)}" for key, value in trailers)
    )
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def squash_message(
    subject: str, body: Iterable[str], works: Iterable[Mapping[str, str]], trailers: Iterable[tuple[str, str]]
) -> str:
    """The message of one commit in place of several: it names all their works, as `works_in` reads them.

    They stand indented, as `git merge --squash` has them: to git they go on with the line before, and the last
    paragraph stays one of trailers.
    """
    listed = [dict(work) for work in works]
    rest = [(f"{re.sub('[^A-Za-z0-9-]', '-', key)}: {_line(value, 1000)}") for key, value in trailers]
    lines = [*(line for line in rest if _OURS.match(line)), f"Plait-Works: {len(listed)}"]
    for work in listed:
        lines += [f"    {key}: {_line(value, 100_000)}" for key, value in work.items() if _KEY.fullmatch(key)]
    lines += [line for line in rest if not _OURS.match(line)]
    paragraphs = [_line(subject, 100), "\n".join(_line(line, 200) for line in body), "\n".join(lines)]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def with_note(message: str, note: str) -> str:
    """The message with a further paragraph before its trailers."""
    paragraphs = message.rstrip("\n").split("\n\n")
    at = len(paragraphs) - 1 if len(paragraphs) > 1 and _read(paragraphs[-1]) else len(paragraphs)
    return "\n\n".join([*paragraphs[:at], note.strip("\n"), *paragraphs[at:]]) + "\n"


def trailers_of(control: Control, commit: str) -> dict[str, str]:
    """The trailers of a commit that plait made; empty when its last paragraph is something else.

    Raises:
        GitFailed: there is no such commit.
    """
    return read_trailers(control.store.ask("cat-file", "commit", commit).stdout.decode("utf-8", "replace"))


def read_trailers(content: str) -> dict[str, str]:
    """The trailers in a commit object's content; empty when its last paragraph is something else."""
    message = content.partition("\n\n")[2].rstrip("\n")
    paragraphs = message.split("\n\n")
    return _read(paragraphs[-1]) if len(paragraphs) > 1 else {}


def named_works(content: str) -> tuple[dict[str, str], ...]:
    """The works that a commit object's content names: one for a commit of plait's, several for a squash of them.

    Of a commit that plait made the last paragraph counts alone. Whoever else squashes or rewrites such commits keeps
    their messages, indented by git or beside a forge's bullets: a `Plait-Feature` line, or one that is there already,
    begins another work.
    """
    head, _, message = content.partition("\n\n")
    if f"\ncommitter {COMMITTER} <" in head:
        message = message.rstrip("\n").rpartition("\n\n")[2]
    return works_in(message)


def works_in(message: str) -> tuple[dict[str, str], ...]:
    """The works that any lines of a message name, whoever wrote it."""
    works: list[dict[str, str]] = [{}]
    for line in message.split("\n"):
        named = _WORK.fullmatch(line.rstrip("\r"))
        if named is not None:
            if named[1] == "Plait-Feature" or named[1] in works[-1]:
                works.append({})
            works[-1][named[1]] = named[2]
    return tuple(work for work in works if "Plait-Task" in work)


def _read(paragraph: str) -> dict[str, str]:
    """The trailers of a paragraph in which every line is one."""
    lines = [_TRAILER.fullmatch(line) for line in paragraph.split("\n")]
    matches = [match for match in lines if match is not None]
    return {match[1]: match[2] for match in matches} if len(matches) == len(lines) else {}


def _line(text: str, limit: int) -> str:
    """One line without control or direction characters: titles come from agents and end in people's terminals."""
    plain = "".join(
        " " if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} else char for char in text
    )
    short = " ".join(plain.split())
    return short if len(short) <= limit else short[: limit - 1] + "…"
