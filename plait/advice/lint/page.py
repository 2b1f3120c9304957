"""What the rules of lint are, as Markdown made from the code: the page of docs, and the answer to `--explain`."""

from textwrap import indent

from plait.advice.lint.examples import EXAMPLES
from plait.advice.lint.rule import Rule
from plait.advice.lint.rules import EVERY

_HEAD = """\
# What `plait check` finds

<!-- Made from the code: `plait check --rules > docs/lint.md`. -->

`plait check PLAN` reads a plan and says what is wrong with it, and what is doubtful; nothing runs.
`plait check --explain PLAN103` prints one rule. Rules see through needs: two tasks that own the same file are fine when
one needs the other, however far away.

| option | what it does |
|---|---|
| `--format text\\|json\\|sarif` | lines for people, one JSON object, or SARIF 2.1.0 for code scanning |
| `--json` | `--format json` |
| `--strict` | exit 1 when anything is found; without it warnings exit 0 |
| `--select PLAN1,PLAN301` | only these rules; the beginning of a code means all that begin with it |
| `--ignore PLAN4` | all but these |

Exit codes: 0 fine, or warnings only; 1 findings and `--strict`; 2 an error: the plan cannot run as it is.

## Silencing

What is meant to be so is silenced in the plan, with a reason: for all, for some tasks (what is found about these and no
others), or at one task (whatever is found about it). Errors cannot be silenced, and a silence that covers nothing is
itself found.

```yaml
lint:
  ignore:
    - {code: PLAN103, tasks: [CART, WISHES], reason: both only append a route}
    - {code: PLAN405, reason: nobody knows yet}
tasks:
  - id: CART
    lint: {ignore: [{code: PLAN101, reason: it moves files all over the tree}]}
```

## On GitHub

```yaml
- run: plait check plan.yaml --format sarif > plan.sarif
- uses: github/codeql-action/upload-sarif@v3
  if: always() # also when the plan is refused
  with: {sarif_file: plan.sarif}
```

Files are named from the root of the repository, wherever `plait` is called. Each plan is a category of its own, so that
several can be uploaded. What the plan silences is in the log as suppressed, with its reason; GitHub shows that as open
all the same, so leave it out first: `jq 'del(.runs[].results[] | select(.suppressions != []))' plan.sarif`.

## The rules

"""

_KINDS = {
    "0": "Mistakes: the plan is refused",
    "1": "Files",
    "2": "Needs",
    "3": "The shape of the whole",
    "4": "Proof and time",
    "5": "What nothing uses",
    "6": "Who does it",
    "9": "Lint itself",
}


_TAGS = {
    "0": "mistakes",
    "1": "files",
    "2": "needs",
    "3": "shape",
    "4": "proof",
    "5": "unused",
    "6": "roles",
    "9": "lint",
}


def rule_kind(rule: Rule) -> str:
    """What a rule is about, in a word."""
    return _TAGS[rule.code[4]]


def rules_page() -> str:
    """`docs/lint.md`: all rules, a table first."""
    rows = "".join(
        f"| [{rule.code}](#{_anchor(rule)}) | {rule.name} | {rule.severity} | {rule.says} |\n" for rule in EVERY
    )
    parts = [_HEAD, "| code | name | severity | what it finds |\n|---|---|---|---|\n", rows]
    for digit, title in _KINDS.items():
        parts.append(f"\n## {title}\n")
        parts += (f"\n{section(rule)}" for rule in EVERY if rule.code[4] == digit)
    return "".join(parts)


def _anchor(rule: Rule) -> str:
    return f"{rule.code} {rule.name}".lower().replace(" ", "-")


def section(rule: Rule) -> str:
    """One rule, with an example where it has one."""
    text = f"### {rule.code} {rule.name}\n\n{rule.says} ({rule.severity})\n\n"
    text += f"**Why.** {rule.reason}\n\n**What to do.** {_sentence(rule.fix)}\n"
    if example := EXAMPLES.get(rule.code):
        text += f"\nFound:\n\n```yaml\n{example.bad}```\n\nNot found:\n\n```yaml\n{example.good}```\n"
    return text


def explanation(rule: Rule) -> str:
    """One rule for a terminal."""
    text = f"{rule.code} {rule.name} ({rule.severity})\n\n{rule.says}\n\n"
    text += f"Why: {rule.reason}\n\nWhat to do: {_sentence(rule.fix)}\n"
    if example := EXAMPLES.get(rule.code):
        text += f"\nFound:\n\n{indent(example.bad, '    ')}\nNot found:\n\n{indent(example.good, '    ')}"
    return text


def _sentence(fix: str) -> str:
    return f"{fix[:1].upper()}{fix[1:]}."
