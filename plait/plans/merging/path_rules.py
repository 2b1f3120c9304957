"""Which rule of a plan settles a conflict in a file, and which rules would have."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from plait.plans.language.merge_rules import PRESETS, PathRule, Way
from plait.plans.paths import matches


@dataclass(frozen=True, slots=True)
class FileRule:
    """One way for some files."""

    paths: tuple[str, ...]
    way: Way
    key: str | None = None
    """Of `union`: the member of each line's JSON object that says which one it is."""
    command: str | None = None
    """Of `regenerate`."""
    preset: str | None = None

    @property
    def words(self) -> str:
        """How it is named in commits and reports, such as `union`, `npm: regenerate`."""
        way = f"union by {self.key}" if self.key else self.way
        return f"{self.preset}: {way}" if self.preset else way


def file_rules(rules: Iterable[PathRule]) -> tuple[FileRule, ...]:
    """The rules of a plan with their presets spelled out, in the order in which they are tried."""
    spelled: list[FileRule] = []
    for rule in rules:
        if rule.paths:
            way: Way = rule.way or "regenerate"
            spelled.append(FileRule(rule.paths, way, rule.key, rule.regenerate))
        for name in rule.presets:
            preset = PRESETS[name]
            spelled.append(FileRule(preset.paths, preset.way, preset.key, preset.command, name))
    return tuple(spelled)


def rule_for(path: str, rules: Sequence[FileRule]) -> FileRule | None:
    """The first rule that a path matches."""
    return next((rule for rule in rules if matches(path, rule.paths)), None)


def proposed_rules(conflicted: Iterable[str], names: Collection[str] = ()) -> tuple[PathRule, ...]:
    """The rules that settle as many of these files as there are presets for.

    `a/package-lock.json` and `CHANGES.md` give the presets `npm` and `changelogs`; `app.py` gives none.

    Args:
        conflicted: Paths that conflicted and that no rule of the plan is for.
        names: Paths in the repository, where known: they tell whose snapshots are conflicted.
    """
    wanted = {preset for path in conflicted if (preset := _preset_of(path, names))}
    return tuple(PathRule(presets=(name,)) for name in _SPECIAL_FIRST if name in wanted)


def settled_by(path: str, rules: Iterable[PathRule]) -> bool:
    """Whether one of the rules is for this path."""
    return rule_for(path, file_rules(rules)) is not None


_SPECIAL_FIRST = ("beads", *(name for name in PRESETS if name != "beads"))
_TOLD_BY_NAMES = {"jest": ("**/jest.config.*",), "vitest": ("**/vitest.config.*", "**/vite.config.*")}
"""Files by which one knows whose snapshots they are: both have the same name."""


def _preset_of(path: str, names: Collection[str]) -> str | None:
    for name in _SPECIAL_FIRST:
        if not matches(path, PRESETS[name].paths):
            continue
        tells = _TOLD_BY_NAMES.get(name)
        if tells is None or any(matches(other, tells) for other in names):
            return name
    return None
