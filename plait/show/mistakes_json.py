"""The mistakes of a plan as the one JSON object that every command prints in place of its own."""

import json

from plait.plans.errors import PlanError


def mistakes_json(mistakes: PlanError) -> str:
    """`{source, ok: false, problems: [{code, line, column, path, message, hint, file}]}`, indented."""
    rows = [
        {
            "code": one.code,
            "line": one.line,
            "column": one.column,
            "path": one.path,
            "message": one.message,
            "hint": one.hint,
            "file": one.file or mistakes.source,
        }
        for one in mistakes.problems
    ]
    return json.dumps({"source": mistakes.source, "ok": False, "problems": rows}, indent=2)
