"""What a merged Python file may not be, though it parses: each check compares it with the versions that it came from.

A fault that one of the sides has already is that side's; one that only the result has came from the merge.
"""

from collections import Counter
from collections.abc import Sequence

from plait.plans.merging.python_facts import Facts, facts_of
from plait.plans.merging.three_way import GivesUp, changes_are_kept, numbers_are_told_apart


def refuse_what_breaks(base: str, ours: str, theirs: str, merged: str) -> None:
    """Refuse a result that lost or doubled something, or in which one side's change misses what the other took away.

    Raises:
        GivesUp: with what is wrong.
    """
    sources = (base, ours, theirs, merged)
    old, mine, other, result = versions = [facts_of(source) for source in sources]
    lines = (_body_lines(source, facts) for source, facts in zip(sources, versions, strict=True))
    changes_are_kept(*lines, what="a line")
    _definitions_are_kept(old.definitions, mine.definitions, other.definitions, result.definitions)
    for scope, bound in result.bound.items():
        for name, count in bound.items():
            if count > max(1, *(facts.bound.get(scope, Counter())[name] for facts in (old, mine, other))):
                raise GivesUp(f"{name} would be defined twice")
    _refuse_new("is not there any more", [facts.undefined for facts in versions])
    _refuse_new("would be there for types alone", [facts.needed_at_run_time for facts in versions])
    _refuse_new("would be used before it is there", [facts.early for facts in versions])
    _refuse_new("would be given twice", [facts.doubled for facts in versions])
    _refuse_new("would have no default behind one that has", [facts.late_fields for facts in versions])
    _refuse_new("is no longer a member", [facts.missing_members for facts in versions])
    numbers_are_told_apart(*(facts.numbers for facts in versions))
    gone = old.names - result.names
    for name in sorted(gone & result.used):
        if any(name not in side.names and name not in side.used for side in (mine, other)):
            raise GivesUp(f"one side took {name} away, the other uses it")
    for side in (mine, other):
        _calls_fit(old, side, result)


def _body_lines(source: str, facts: Facts) -> Counter[str]:
    """Lines without indent and empty ones; imports are compared by name."""
    numbered = enumerate(source.split("\n"), start=1)
    return Counter(line.strip() for number, line in numbered if line.strip() and number not in facts.import_lines)


def _definitions_are_kept(base: set[str], ours: set[str], theirs: set[str], merged: set[str]) -> None:
    expected = (ours & theirs) | ((ours | theirs) - base)
    if merged != expected:
        raise GivesUp(f"lost or doubled: {sorted(merged ^ expected)[:3]}")


def _refuse_new(words: str, faults: Sequence[set[str]]) -> None:
    *before, after = faults
    if new := after.difference(*before):
        raise GivesUp(f"{min(new)} {words}")


def _calls_fit(base: Facts, calling: Facts, merged: Facts) -> None:
    """Refuse what one side calls more often than before where it has to be called in another way than on that side."""
    for name in sorted(base.signatures.keys() & calling.signatures.keys()):
        signatures, result = calling.signatures[name], merged.signatures.get(name, [])
        fits = len(signatures) == len(result) and all(
            new.takes_all_of(old) for old, new in zip(signatures, result, strict=True)
        )
        if not fits and calling.calls[name] > base.calls[name]:
            raise GivesUp(f"one side changed the parameters of {name}, the other calls it anew")
