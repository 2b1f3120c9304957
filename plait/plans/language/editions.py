"""Editions: a feature's name with {date} or {run} in it, so that each run of a schedule is a feature of its own.

Example: `nightly-{date}` is `nightly-2026-11-30` on the last of November.
"""

import re
from dataclasses import dataclass
from datetime import date

from plait.plans.names import check_slug
from plait.plans.wording import quoted

KEEP_DAYS = 14
"""How long an edition that has landed on base keeps its branches, where the plan does not say."""

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_PATTERNS = {"{date}": r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})", "{run}": r"(?P<run>[0-9a-f]{8})"}


@dataclass(frozen=True, slots=True)
class Edition:
    """What one edition has in place of the placeholders."""

    day: date
    run: str
    """Eight hexadecimal digits."""


def check_feature(text: str) -> str:
    """The text itself when it can name a feature or its editions; else ValueError with the rule that it breaks."""
    placeholders = _PLACEHOLDER.findall(text)
    for placeholder in placeholders:
        if placeholder not in _PATTERNS:
            raise ValueError(f"{quoted(text)} has {placeholder}: only {{date}} and {{run}} are filled in")
    if len(set(placeholders)) < len(placeholders):
        raise ValueError(f"{quoted(text)} has the same placeholder twice")
    # One of its editions stands for all: they are as long, and differ in digits only.
    check_slug(edition_name(text, Edition(date(2000, 12, 31), "0badcafe")))
    return text


def is_edition(feature: str) -> bool:
    """Whether a feature's name has placeholders."""
    return any(placeholder in feature for placeholder in _PATTERNS)


def edition_name(template: str, edition: Edition) -> str:
    """The feature that a name with placeholders means for one edition; a name without any is itself."""
    return template.replace("{date}", edition.day.isoformat()).replace("{run}", edition.run)


def edition_of(template: str, feature: str) -> Edition | None:
    """Which edition of a name a feature is; nothing when it is none, or none that a calendar has.

    What a name does not hold is not known of its editions: the day is then the first of all, the run is empty.
    """
    parts = re.split(r"(\{date\}|\{run\})", template)
    matched = re.fullmatch("".join(_PATTERNS.get(part) or re.escape(part) for part in parts), feature)
    if matched is None:
        return None
    given = matched.groupdict()
    try:
        day = date.fromisoformat(given["date"]) if "date" in given else date.min
    except ValueError:
        return None
    return Edition(day, given.get("run", ""))


def edition_option(template: str, feature: str) -> str:
    """What `plait run PLAN --edition` takes for an edition: its day, or where that does not tell all, its name.

    Empty where the feature is none.
    """
    edition = edition_of(template, feature) if template else None
    if edition is None:
        return ""
    return feature if edition.run else edition.day.isoformat()


def name_of_all(template: str) -> str:
    """What all editions of a name are called together: `nightly-{date}` is `nightly`.

    Empty where the name has nothing but placeholders.
    """
    return re.sub(r"([-_]*\{(date|run)\})+[-_]*", "-", template).strip("-_")
