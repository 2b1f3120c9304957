"""No secret passes, however it is written and wherever what is printed is cut; and no other text is changed."""

import base64
import json
import random
import re
from collections.abc import Callable
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plait.plans.language.secret_values import secret_values
from plait.plans.redaction import LONGEST_HELD, MARK, RedactedStream, Redaction

SECRETS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp"]), min_size=8, max_size=40).filter(
    lambda text: text == text.strip() and len(set(text)) > 3
)
TEXTS = st.text(st.sampled_from("abc xyz{}:,.\"' é\n"), max_size=60)
"""Without signs that would make something else of what comes after them."""
CUTS = st.lists(st.integers(0, 10_000), max_size=8)

WRITTEN: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": json.dumps,
    "JSON without ASCII": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON of PHP, which escapes slashes": lambda text: json.dumps(text).replace("/", r"\/"),
    "JSON in capitals": lambda text: "".join(f"\\u{ord(sign):04X}" if ord(sign) < 0x10000 else sign for sign in text),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "part of a URL": lambda text: quote(text, safe=""),
    "part of a URL with slashes": quote,
    "a form": quote_plus,
    "part of a URL in small letters": lambda text: re.sub("%..", lambda code: code[0].lower(), quote(text, safe="")),
    "part of a URL in a URL": lambda text: quote(quote(text, safe=""), safe=""),
    "part of a URL in JSON": lambda text: json.dumps(quote(text, safe="")),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 after one byte": lambda text: base64.b64encode(b"u" + text.encode() + b"!").decode(),
    "base64 after two bytes": lambda text: base64.b64encode(b"u:" + text.encode() + b"!!").decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(b"me:" + text.encode()).decode().rstrip("="),
    "base64 in a URL": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "base64 in lines": lambda text: base64.encodebytes(b"x" * 50 + text.encode() + b"y" * 50).decode(),
    "base64 in lines in JSON": lambda text: json.dumps(base64.encodebytes(b"x" * 50 + text.encode()).decode()),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal capitals": lambda text: text.encode().hex().upper(),
    "folded": lambda text: "\r\n    ".join((text[:4], text[4:])),
    "in colours": lambda text: f"{text[:3]}\x1b[31m{text[3:6]}\x1b[0m{text[6:]}",
    "Python": lambda text: repr(text.encode())[2:-1],
}


def pieces(text: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[start:end] for start, end in pairwise(places)]


def streamed(redaction: Redaction, parts: list[bytes]) -> bytes:
    stream = RedactedStream(redaction)
    return b"".join([*(stream.feed(part) for part in parts), stream.close()])


@pytest.mark.parametrize("form", WRITTEN)
@given(secret=SECRETS, before=TEXTS, after=TEXTS, cuts=CUTS)
def test_no_secret_passes_however_it_is_written_and_cut(
    form: str, secret: str, before: str, after: str, cuts: list[int]
) -> None:
    redaction = Redaction([secret.encode()])
    text = f"{before} {WRITTEN[form](secret)} {after}".encode()

    hidden = redaction.hide(text)

    assert MARK in hidden
    assert redaction.spans(hidden) == []
    if secret not in f"{before} {after}":
        assert hidden.startswith(f"{before} ".encode())
        assert hidden.endswith(f" {after}".encode())
    told = streamed(redaction, pieces(text, cuts))
    assert redaction.spans(told) == []
    if b"\n" not in text and b"\r" not in text:
        assert told == hidden


@given(st.lists(SECRETS, min_size=1, max_size=4), st.binary(max_size=300), CUTS)
def test_what_has_no_secret_is_not_changed(secrets: list[str], text: bytes, cuts: list[int]) -> None:
    redaction = Redaction([secret.encode() for secret in secrets])

    if not redaction.spans(text):
        assert redaction.hide(text) == text
        assert streamed(redaction, pieces(text, cuts)) == text


@given(st.lists(SECRETS, min_size=1, max_size=4), st.binary(max_size=300), CUTS, st.integers(0, 300))
@example(["abcdefgh", "abcdefghij"], b"xx", [3], 1)
@example(["\\u0041bcdefg", "Abcdefg!"], b"", [1, 2, 3], 0)
def test_a_stream_tells_what_the_whole_would_have_told(
    secrets: list[str], text: bytes, cuts: list[int], place: int
) -> None:
    redaction = Redaction([secret.encode() for secret in secrets])
    whole = text[:place] + secrets[0].encode() + text[place:]

    told = streamed(redaction, pieces(whole, cuts))

    assert secrets[0].encode() not in told
    if b"\n" not in whole and b"\r" not in whole:
        assert told == redaction.hide(whole)


@given(st.lists(SECRETS, min_size=1, max_size=3), st.lists(SECRETS, min_size=1, max_size=5))
def test_where_secrets_overlap_all_of_them_go(secrets: list[str], more: list[str]) -> None:
    redaction = Redaction([secret.encode() for secret in secrets])

    hidden = redaction.hide("".join([*more, *secrets, *reversed(secrets)]).encode())

    assert not any(secret.encode() in hidden for secret in secrets)


@given(st.binary(max_size=2_000), CUTS)
def test_whatever_is_printed_nothing_is_raised_and_nothing_lost(text: bytes, cuts: list[int]) -> None:
    redaction = Redaction([b"%41\\u0041%", b"aaaaaaaa", b"\\\\\\\\\\\\\\\\", b"\xff\xfe\x00\x01\x02\x03\x04\x05\x06"])

    told = streamed(redaction, pieces(text, cuts))

    if not redaction.spans(text):
        assert told == text


def test_a_line_that_is_over_is_told_at_once_unless_it_ends_with_much_of_a_secret() -> None:
    stream = RedactedStream(Redaction([b"hunter2-hunter3"]))

    assert stream.feed(b"it is so\n") == b"it is so\n"
    assert stream.feed(b"it is hun\n") == b"it is hun\n"
    assert stream.feed(b"then hunter2\n") == b"then "
    assert stream.feed(b"  or not\n") == b"hunter2\n  or not\n"
    assert stream.feed(b"hun\n") == b"hun\n"
    assert stream.feed(b"ter2-hunter3 now\n") == b"*** now\n"


def test_what_only_looks_like_a_beginning_is_not_held_back_without_end() -> None:
    redaction = Redaction([b"hunter2-hunter3"])
    stream = RedactedStream(redaction)

    told = sum(len(stream.feed(b"hunter2" + b"\n" * 4096 if not number else b"\n" * 4096)) for number in range(64))

    assert told > 64 * 4096 - 2 * LONGEST_HELD


def test_short_and_common_values_are_not_looked_for() -> None:
    environment = {"API_KEY": "1234567", "PORT_TOKEN": "8080", "USE_AUTH": "true", "DB_PASSWORD": "password"}

    assert secret_values(environment) == ()


def test_a_password_in_an_address_is_a_secret_whatever_the_variable_is_called() -> None:
    environment = {"HTTPS_PROXY": "http://me:hunter22222@proxy:3128", "HOME": "/home/me"}

    assert secret_values(environment) == ("hunter22222",)


def test_many_secrets_are_found_as_well_as_one() -> None:
    dice = random.Random(4)  # noqa: S311  (it draws tests)
    secrets = ["".join(dice.choices("abcdefghijklmnopqrstuvwxyz0123456789-_", k=24)) for _ in range(600)]
    redaction = Redaction([secret.encode() for secret in secrets])
    text = "\n".join(f"{number} {secret} ." for number, secret in enumerate(secrets))

    hidden = redaction.hide(text.encode()).decode()

    assert hidden == "\n".join(f"{number} *** ." for number in range(600))
