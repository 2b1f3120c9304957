"""Takes secrets out of what programs print, whole or piece by piece, and however they are written there.

A shim loads this file alone (`plait/workspace/shim.py`), so it imports little, and no `dataclasses` (5 ms).
"""

import binascii
import re
from bisect import bisect_right
from collections.abc import Callable

MARK = b"***"
SHORTEST = 8
"""Bytes; what is shorter stands in ordinary text by chance, and is not looked for."""
LONGEST_HELD = 1 << 16
"""Bytes that a stream holds back beyond what its secrets need: what looks like the beginning of one has no end else."""
_LIVE = 4
"""Bytes of a secret that a line has to end with to be held back for the next: who follows a log sees whole lines."""
_CONTEXT = 256
"""Bytes that are looked at again with what follows them."""
_DEPTH = 3
"""How often a text may have been escaped: JSON in JSON in a URL."""
_MOST_CODED = 400
"""Secrets that are looked for in every form. Of a copied file with more words than that the rest is found as it is."""

_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_JSON = _HIGH + _LOW + rb"""|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\["\\/'bfnrt]"""
_PERCENT = rb"%[0-9a-fA-F]{2}"
_IN_JSON, _IN_PERCENT, _IN_BOTH = (re.compile(form) for form in (_JSON, _PERCENT, _JSON + b"|" + _PERCENT))
_UNSEEN = re.compile(
    rb"""[\r\n]{1,4}[ \t]{0,64}                                       # where a line is wrapped
       | \x1b\[ [0-?]{0,64} [ -/]{0,8} [@-~]                         # colours, as `clean` of workspace/output.py
       | \x1b[\]PX^_] [^\x07\x1b\n]{0,512} (?: \x07 | \x1b\\ )?
       | \x1b [ -/]{0,8} [0-~]
       | \xc2\x9b [0-?]{0,64} [ -/]{0,8} [@-~]
       | [\x00-\x08\x0b\x0c\x0e-\x1f\x7f] | \xc2[\x80-\x9f]
       | \xd8\x9c | \xe2\x80[\x8b-\x8f\xaa-\xae] | \xe2\x81[\xa6-\xa9] | \xef\xbb\xbf""",
    re.VERBOSE,
)
_BEGUN = re.compile(
    rb"""(?: \\u[dD][89abAB][0-9a-fA-F]{2} (?: \\ (?: u[0-9a-fA-F]{0,3} )? )?
       | \\ (?: u[0-9a-fA-F]{0,3} | x[0-9a-fA-F]? )?
       | %[0-9a-fA-F]? | \xc2 | \xd8 | \xe2 [\x80\x81]? | \xef\xbb? )\Z""",
    re.VERBOSE,
)
"""An escape that has not ended."""
_COLOUR_BEGUN = re.compile(
    rb"\x1b (?: \[ [0-?]{0,64} [ -/]{0,8} | [\]PX^_] [^\x07\x1b\n]{0,512} \x1b? | [ -/]{0,8} )\Z", re.VERBOSE
)
"""The same of those that nobody sees: what of them is there already may look like other ones."""
_SIGN_BEGUN = re.compile(rb"\\{1,8}u[dD][89abAB][0-9a-fA-F]{2}(?:\\{1,8}(?:u[0-9a-fA-F]{0,3})?)?\Z")
"""The first half of a sign that JSON writes as two, which would be undone as if it were one."""
_WRAP = re.compile(rb"[\r\n]")
_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


class Fold:
    """A text with some of its pieces replaced, and where each of its bytes was before."""

    def __init__(self, text: bytes, form: re.Pattern[bytes], becomes: Callable[[bytes], bytes]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._before: list[tuple[int, int]] = []
        parts, last, size = list[bytes](), 0, 0
        for token in form.finditer(text):
            start, end = token.span()
            value = becomes(token[0])
            size += start - last
            self._starts.append(size)
            parts += text[last:start], value
            size, last = size + len(value), end
            self._ends.append(size)
            self._before.append((start, end))
        self.text = b"".join((*parts, text[last:])) if parts else text

    def start(self, at: int) -> int:
        """Where the byte here begins in the text before."""
        index = bisect_right(self._starts, at) - 1
        if index < 0:
            return at
        begin, end = self._before[index]
        return begin if at < self._ends[index] else end + at - self._ends[index]

    def end(self, at: int) -> int:
        """Where the byte before here ends in the text before."""
        index = bisect_right(self._starts, at - 1) - 1
        if index < 0:
            return at
        end = self._before[index][1]
        return end if at - 1 < self._ends[index] else end + at - self._ends[index]


class View:
    """A text as somebody would read it who undid some escapes; its places are told as those of the text itself."""

    def __init__(self, text: bytes, folds: tuple[Fold, ...] = ()) -> None:
        self.text, self._folds = text, folds

    def folded(self, form: re.Pattern[bytes], becomes: Callable[[bytes], bytes]) -> "View":
        """With its pieces of this form replaced; the same view where there are none."""
        fold = Fold(self.text, form, becomes)
        return self if fold.text is self.text else View(fold.text, (*self._folds, fold))

    def start(self, at: int) -> int:
        for fold in reversed(self._folds):
            at = fold.start(at)
        return at

    def end(self, at: int) -> int:
        for fold in reversed(self._folds):
            at = fold.end(at)
        return at


def meaning(token: bytes) -> bytes:
    """What an escape stands for: `%2F`, `\\n`, `\\u002f`, `\\x2f`, or a pair of surrogates."""
    if token[:1] == b"%":
        return bytes((int(token[1:], 16),))
    kind = token[1:2]
    if kind == b"x":
        return bytes((int(token[2:4], 16),))
    if kind == b"u":
        units = [int(token[at + 2 : at + 6], 16) for at in range(0, len(token), 6)]
        code = units[0] if len(units) == 1 else 0x10000 + ((units[0] & 0x3FF) << 10) + (units[1] & 0x3FF)
        return chr(code).encode("utf-8", "surrogatepass")
    return _LETTERS.get(kind, kind)


def nothing(_token: bytes) -> bytes:
    """What nobody sees, and the end of a line in the middle of something."""
    return b""


def space(token: bytes) -> bytes:
    """The same, where lines end between words."""
    return b" " if token[:1] in (b"\n", b"\r") else b""


class Redaction:
    """Knows the secrets of one program or run, and where they are in a text.

    They are found as they are, in base64 (of any text that they are a part of; for URLs as well), as hexadecimal
    digits, percent-encoded and escaped as in JSON, also several times over, and across the ends of lines and colours.
    """

    def __init__(self, secrets: list[bytes]) -> None:
        known = list(dict.fromkeys(secret for secret in secrets if len(secret) >= SHORTEST))
        plain = [(secret, form) for secret in known for form in _as_read(secret)]
        self.plain = _sorted([form for _, form in plain])
        self.base64 = _sorted([core for secret in known[:_MOST_CODED] for core in base64_cores(secret)])
        self.hexadecimal = _sorted([binascii.hexlify(secret) for secret in known[:_MOST_CODED]])
        self._has_spaces = any(b" " in needle for needle in self.plain)
        self.longest = max((len(needle) for needle in (*self.plain, *self.base64, *self.hexadecimal)), default=0)

    def __bool__(self) -> bool:
        return bool(self.plain)

    def hide(self, text: bytes) -> bytes:
        """The text with a mark in the place of each secret."""
        if not self:
            return text
        parts, last = list[bytes](), 0
        for start, end in self.spans(text):
            parts += text[last:start], MARK
            last = end
        return b"".join((*parts, text[last:])) if parts else text

    def spans(self, text: bytes) -> list[tuple[int, int]]:
        """Where secrets are: in order, no two overlap or touch."""
        return self.found_in(self.views(text))

    def views(self, text: bytes) -> list[View]:
        """How the text is read: with escapes undone or not, and without the ends of lines."""
        views = [View(text)]
        if _IN_BOTH.search(text):
            for _ in range(_DEPTH):
                deeper = views[-1].folded(_IN_BOTH, meaning)
                if deeper is views[-1]:
                    break
                views.append(deeper)
            if b"\\" in text and b"%" in text:  # the one may stand just before the other, and take a letter of it
                views += [views[0].folded(form, meaning) for form in (_IN_JSON, _IN_PERCENT)]
        joined = [view.folded(_UNSEEN, nothing) for view in views]
        if self._has_spaces:
            joined += [view.folded(_UNSEEN, space) for view in views if _WRAP.search(view.text)]
        return list({id(view): view for view in joined}.values())

    def found_in(self, views: list[View]) -> list[tuple[int, int]]:
        """The same of a text whose views have been made."""
        found = [
            (view.start(at), view.end(at + len(needle)))
            for view in views
            for read, needles in self._readings(view)
            for needle in needles
            for at in _places(read, needle)
        ]
        merged: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if merged and start <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(end, merged[-1][1])
            else:
                merged.append((start, end))
        return merged

    def _readings(self, view: View) -> tuple[tuple[bytes, tuple[bytes, ...]], ...]:
        text = view.text
        return (text, self.plain), (text.translate(_URL_SAFE), self.base64), (text.lower(), self.hexadecimal)

    def held_from(self, text: bytes, views: list[View], *, is_whole: bool = True) -> int:
        """Where a secret may have begun that goes on after the end of the text; its length where none has."""
        if colour := _COLOUR_BEGUN.search(text, max(0, len(text) - 600)):
            return self.held_from(shorter := text[: colour.start()], self.views(shorter))
        least, held = (_LIVE if text[-1:] in (b"\n", b"\r") else 1), len(text)
        if is_whole and (half := _SIGN_BEGUN.search(text, max(0, len(text) - 64))):
            held = self.held_from(shorter := text[: half.start()], self.views(shorter), is_whole=False)
        for view in views:
            escape = _BEGUN.search(view.text, max(0, len(view.text) - 600))
            if escape:
                held = min(held, view.start(escape.start()))
            for read, needles in self._readings(view):
                for end in {len(read), escape.start() if escape else len(read)}:
                    longest = max((_begun(read[:end], needle, least) for needle in needles), default=0)
                    held = min(held, view.start(end - longest) if longest else held)
        return held


class RedactedStream:
    """Takes the secrets out of a text that comes piece by piece, wherever it is cut.

    What may be the beginning of a secret is held back, but for its first three bytes at the end of a line: whoever
    follows a log sees its lines as they come.
    """

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction
        self._text = b""
        self._told = 0
        """How much of it has been given away."""

    def feed(self, piece: bytes) -> bytes:
        """What can be told by now."""
        if not self._redaction:
            return piece
        self._text += piece
        views = self._redaction.views(self._text)
        until = self._redaction.held_from(self._text, views)
        if len(self._text) - until > LONGEST_HELD + 12 * self._redaction.longest:
            until = len(self._text)  # no secret is as long as that, however it is written
        return self._tell(until, self._redaction.found_in(views))

    def close(self) -> bytes:
        """The rest."""
        return self._tell(len(self._text), self._redaction.spans(self._text)) if self._redaction else b""

    def _tell(self, until: int, spans: list[tuple[int, int]]) -> bytes:
        parts, last = list[bytes](), self._told
        for start, end in spans:
            if end <= self._told:
                continue
            if start >= until:
                break
            parts += self._text[last : max(last, start)], MARK
            last = end
        last_told = max(last, until)
        parts.append(self._text[last:last_told])
        forgotten = max(0, last_told - _CONTEXT)
        self._text, self._told = self._text[forgotten:], last_told - forgotten
        return b"".join(parts)


def base64_cores(secret: bytes) -> list[bytes]:
    """What base64 makes of a secret wherever it stands in a text: the letters that nothing beside it decides."""
    cores = []
    for before in range(3):
        whole = binascii.b2a_base64(bytes(before) + secret, newline=False)
        cores.append(whole[-(-8 * before // 6) : 8 * (before + len(secret)) // 6])
    return cores


def _as_read(secret: bytes) -> list[bytes]:
    """How a secret looks where the ends of lines are gone: as it is, and where escapes in it are undone as well."""
    forms, text = [secret, secret.replace(b" ", b"+")], secret
    for _ in range(_DEPTH):
        text = Fold(text, _IN_BOTH, meaning).text
        forms.append(text)
    joined = [Fold(form, _UNSEEN, nothing).text for form in forms]
    return [form for form in dict.fromkeys(joined) if len(form) >= SHORTEST]


def _places(text: bytes, needle: bytes) -> list[int]:
    places, at = [], text.find(needle)
    while at >= 0:
        places.append(at)
        at = text.find(needle, at + 1)
    return places


def _begun(text: bytes, needle: bytes, least: int) -> int:
    """How many bytes of a secret, but not all, the text ends with: the most; 0 where they are fewer than `least`."""
    size = min(len(needle) - 1, len(text))
    last = text[-1:]
    while last and (size := needle.rfind(last, 0, size) + 1) >= least:
        if text.endswith(needle[:size]):
            return size
        size -= 1
    return 0


def _sorted(needles: list[bytes]) -> tuple[bytes, ...]:
    return tuple(sorted(dict.fromkeys(needles), key=lambda needle: (-len(needle), needle)))
