"""The mistakes that keep a plan from being read: found by the parser, described here beside the rules of lint."""

from plait.advice.lint.rule import Rule, nothing

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
