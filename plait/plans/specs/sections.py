"""What the Markdown below a task spec's front matter asks for: a title, a prompt in sections, criteria."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from plait.plans.language.places import Place
from plait.plans.specs.markdown import DEEPEST, Heading, Line, bullet_of, heading_of

CRITERIA = "success criteria"
"""The section whose bullets are the task's criteria; all other sections are prompt."""


@dataclass(frozen=True, slots=True)
class Written:
    """A text, and where it begins."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Body:
    """What a spec says in Markdown."""

    title: Written | None
    prompt: Written | None
    """All sections with text, each under its heading, one level deeper than in the file; nothing when there is none."""
    criteria: tuple[Written, ...]


@dataclass(slots=True)
class _Section:
    """A heading of the second level, or what stands before the first one."""

    heading: Heading | None
    lines: list[Line] = field(default_factory=list)

    @property
    def is_criteria(self) -> bool:
        return self.heading is not None and self.heading.text.rstrip(": ").casefold() == CRITERIA

    def prompt(self) -> str:
        """Its text under its heading; nothing where there is only a heading."""
        text = _trimmed([_deeper(line) for line in self.lines])
        if not text or self.heading is None:
            return text
        return f"### {self.heading.text}\n\n{text}"


def read_body(lines: Iterable[Line]) -> Body:
    """Read the lines below the front matter."""
    title: Written | None = None
    sections = [_Section(None)]
    criteria: list[Written] = []
    for line in lines:
        heading = heading_of(line)
        if heading and heading.level == 1 and title is None and not any(section.heading for section in sections):
            title = Written(heading.text, Place(line.number, heading.column))
        elif heading and heading.level <= 2:
            sections.append(_Section(heading))
        else:
            sections[-1].lines.append(line)
    for section in sections:
        if section.is_criteria:
            criteria += _take_bullets(section)
    return Body(title, _prompt(sections), tuple(criteria))


def _prompt(sections: Sequence[_Section]) -> Written | None:
    parts = [(text, section) for section in sections if (text := section.prompt())]
    if not parts:
        return None
    first = next(line.number for line in parts[0][1].lines if line.text.strip())
    return Written("\n\n".join(text for text, _ in parts), Place(first, 1))


def _take_bullets(section: _Section) -> list[Written]:
    """Take the entries of its lists out of a section, each with the indented lines that go on with it."""
    written: list[Written] = []
    rest: list[Line] = []
    open_ = False
    for line in section.lines:
        bullet = bullet_of(line)
        if bullet:
            written.append(Written(bullet[1], Place(line.number, bullet[0])))
            open_ = True
        elif open_ and line.text[:1] in (" ", "\t") and line.text.strip() and not line.fenced:
            written[-1] = Written(f"{written[-1].text} {line.text.strip()}", written[-1].place)
        else:
            open_ = open_ and not line.text.strip()
            rest.append(line)
    section.lines = rest
    return written


def _deeper(line: Line) -> str:
    """A heading one level deeper, so that it stands below what the prompt puts around it."""
    heading = heading_of(line)
    return f"#{line.text.lstrip(' ')}" if heading and heading.level < DEEPEST else line.text


def _trimmed(lines: Sequence[str]) -> str:
    """The lines without blank ones at both ends."""
    filled = [at for at, line in enumerate(lines) if line.strip()]
    return "\n".join(lines[filled[0] : filled[-1] + 1]) if filled else ""
