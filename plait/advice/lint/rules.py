"""All rules of lint, the mistakes that the parser finds among them, and which of them a selection means."""

from collections.abc import Collection

from plait.advice.lint import needing, ownership, proof, roles, shape, unused
from plait.advice.lint.rule import Rule, nothing
from plait.plans.errors import CallError
from plait.plans.wording import near_match, quoted

MISTAKES = (
    Rule(
        code="PLAN001",
        name="wrong-value",
        says="The text cannot be read, a key is missing, or a value is not what can stand there.",
        reason="Nothing is guessed: what a plan does not say exactly would be done by agents, and paid for.",
        fix="write what the message asks for; `plait schema` lets your editor complete and check the plan",
        severity="error",
        check=nothing,
    ),
    Rule(
        code="PLAN002",
        name="unknown-key",
        says="A key that plans do not have.",
        reason="A key that is misspelled would otherwise be as good as not written.",
        fix="take the key that the message proposes, or drop it",
        severity="error",
        check=nothing,
    ),
    Rule(
        code="PLAN003",
        name="repeated-name",
        says="An id that is given twice.",
        reason="Ids become branches and files; some file systems do not tell case apart, so that it does not count.",
        fix="rename one of them",
        severity="error",
        check=nothing,
    ),
    Rule(
        code="PLAN004",
        name="unknown-name",
        says="A task, contract or resource that the plan does not have.",
        reason="What waits for it could never start.",
        fix="take the name that the message proposes, or add what it names",
        severity="error",
        check=nothing,
    ),
    Rule(
        code="PLAN005",
        name="circle",
        says="Tasks that need each other, shown as the path from one of them back to itself.",
        reason="None of them could ever start.",
        fix="drop one of the needs on the path; a contract often takes its place",
        severity="error",
        check=nothing,
    ),
    Rule(
        code="PLAN006",
        name="unknown-role",
        says="A role that the crew does not have.",
        reason="There is no agent for the task.",
        fix="take the role that the message proposes, or add it to the crew",
        severity="error",
        check=nothing,
    ),
    Rule(
        code="PLAN007",
        name="unreachable",
        says="A task that could never start: it uses more than there is of a resource, or needs a superseded contract.",
        reason="It would wait until the run ends, and all that needs it too.",
        fix="lower what it `uses`, or raise the resource; need the contract that took the other's place",
        severity="error",
        check=nothing,
    ),
)

MISSING_PROGRAM = Rule(
    code="PLAN010",
    name="missing-program",
    says="The program of a role is not on this machine, or cannot be executed.",
    reason="A run here is refused before anything starts. Where the plan runs on another machine, leave the rule out.",
    fix="install it, write its path, or check with `--ignore PLAN010` where the plan runs elsewhere",
    severity="error",
    check=nothing,
)
MISSING_SCRIPT = Rule(
    code="PLAN011",
    name="missing-script",
    says="The script of a role is not there, cannot be read, or has mistakes.",
    reason="Its scripted agents have nothing to do, and a run is refused before anything starts.",
    fix="write the path from the file that has the role, and mend what the message names",
    severity="error",
    check=nothing,
)

BROKEN_AGENT = Rule(
    code="PLAN012",
    name="broken-agent-file",
    says="A file below `.claude/agents` that is meant as an agent and cannot be one, or two that have the same name.",
    reason="Nobody can say who is meant by the name. A run goes on without it, unless the plan names it.",
    fix="mend what the message names, or move the file away; `plait crew` shows which agents there are",
    severity="error",
    check=nothing,
)

ON_THE_MACHINE = (MISSING_PROGRAM, MISSING_SCRIPT, BROKEN_AGENT)
"""What is found by a look at this machine and the repository, and not in the plan alone."""

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
            *ownership.RULES,
            *needing.RULES,
            *shape.RULES,
            *unused.RULES,
            *roles.RULES,
            UNUSED_SILENCE,
        ),
        key=lambda rule: rule.code,
    )
)
"""What is found in a plan that could be read, by code."""

EVERY: tuple[Rule, ...] = tuple(sorted((*MISTAKES, *ON_THE_MACHINE, *RULES), key=lambda rule: rule.code))
"""Those, and the mistakes for which a plan is refused."""

BY_CODE = {rule.code: rule for rule in EVERY}


def chosen(select: Collection[str], ignore: Collection[str]) -> tuple[Rule, ...]:
    """The rules whose code or its beginning is selected (all, when none is) and not ignored, as in `PLAN1`.

    Raises:
        CallError: no rule is meant by one of them.
    """
    for prefix in (*select, *ignore):
        _refuse_unknown(prefix)
    known = (*RULES, *ON_THE_MACHINE)
    return tuple(rule for rule in known if (_is_of(rule, select) or not select) and not _is_of(rule, ignore))


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
