"""All rules of lint, and which of them a selection means."""

from collections.abc import Collection

from plait.advice.lint import files, mentions, needing, proof, roles, shape, unused, waiting
from plait.advice.lint.mistakes import MISTAKES
from plait.advice.lint.rule import Rule, nothing
from plait.plans.errors import CallError
from plait.plans.phrases import near_match, quoted

UNUSED_SILENCE = Rule(
    code="PLAN901",
    name="unused-silence",
    says="A finding is silenced in the plan that is not there.",
    reason="What it was for has been mended, or it is misspelled; left standing, it hides the next one.",
    fix="drop it",
    severity="warning",
    check=nothing,
)

RULES: tuple[Rule, ...] = tuple(
    sorted(
        (
            *proof.RULES,
            *files.RULES,
            *mentions.RULES,
            *needing.RULES,
            *waiting.RULES,
            *shape.RULES,
            *unused.RULES,
            *roles.RULES,
            UNUSED_SILENCE,
        ),
        key=lambda rule: rule.code,
    )
)
"""What is found in a plan that could be read, by code."""

EVERY: tuple[Rule, ...] = tuple(sorted((*MISTAKES, *RULES), key=lambda rule: rule.code))
"""Those, and the mistakes for which a plan is refused."""

BY_CODE = {rule.code: rule for rule in EVERY}


def chosen(select: Collection[str], ignore: Collection[str]) -> tuple[Rule, ...]:
    """The rules whose code or its beginning is selected (all, when none is) and not ignored, as in `PLAN1`.

    Raises:
        CallError: no rule is meant by one of them.
    """
    for prefix in (*select, *ignore):
        _refuse_unknown(prefix)
    return tuple(rule for rule in RULES if (_is_of(rule, select) or not select) and not _is_of(rule, ignore))


def _refuse_unknown(prefix: str) -> None:
    if not prefix or not any(rule.code.startswith(prefix.upper()) for rule in EVERY):
        raise CallError(f"there is no rule {quoted(prefix)}", _ASK)


def _is_of(rule: Rule, prefixes: Collection[str]) -> bool:
    return any(rule.code.startswith(prefix.upper()) for prefix in prefixes)


def rule_named(word: str) -> Rule:
    """The rule of a code or name, such as PLAN103 or overlapping-owns.

    Raises:
        CallError: there is none.
    """
    for rule in EVERY:
        if word.upper() == rule.code or word.casefold() == rule.name:
            return rule
    raise CallError(f"there is no rule {quoted(word)}", near_match(word, [rule.name for rule in EVERY]) or _ASK)


_ASK = "`plait check --rules` lists them all"
