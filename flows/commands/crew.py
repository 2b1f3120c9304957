"""List the roles that could work here: where each comes from, its program, its models, and what nobody carries out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # pydantic is imported by the command itself
    from plait.flows.crew_listing import CrewListing, ListedRole

NAME = "crew"
EXAMPLES = (
    "Examples: `plait crew` · `plait crew --crew crew.yaml` · `plait crew --plan plan.yaml --json` · "
    "`plait crew reviewer-of-sql` (with its instructions)\n\n"
    "Exit codes: 0 listed · 2 the call, the crew or the plan is wrong"
)


def command(
    name: Annotated[str | None, typer.Argument(help="One role, whole.", metavar="ROLE", show_default=False)] = None,
    crew: Annotated[
        list[str] | None,
        typer.Option(help="A crew file, or agents by role, such as backend=3,frontend=2 (may be repeated)."),
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(help="The plan whose crew lies over that one.", metavar="PLAN", show_default=False)
    ] = None,
    repo: Annotated[Path, typer.Option(help="The repository whose agent files are looked for.")] = Path(),
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """List roles."""
    from plait.flows.crew_listing import listed_crew
    from plait.flows.terminal.plan_notices import mistakes_told

    with mistakes_told(json=json):
        listing = listed_crew(crew or [], plan=plan, repository=repo)
    if name is not None:
        role = listing.named(name)
        if json:
            _print_json(role.record())
        else:
            _show_whole(role)
    elif json:
        _print_json(listing.record())
    else:
        _show(listing)


def _print_json(record: dict[str, Any]) -> None:
    from json import dumps

    typer.echo(dumps(record, indent=2))


def _show(listing: "CrewListing") -> None:
    from plait.flows.terminal.printing import show_lines, terminal_width
    from plait.flows.terminal.text_layout import Column, table_lines
    from plait.plans.wording import one_line
    from plait.show.pictures.cells import Line, Piece

    columns = [Column("role"), Column("slots", right=True), Column("backend"), Column("program", most=40)]
    columns += [Column("model", most=40, spare=1), Column("from", most=50), Column("capabilities", most=40, spare=2)]

    def row(role: "ListedRole") -> tuple[Line, ...]:
        words = [role.name, str(role.role.slots), role.backend or "–", role.program_shown, role.model_shown]
        words += [role.origin, ", ".join(role.role.capabilities)]
        looks = {0: {"bold": True}, 3: {"colour": "red"} if role.trouble else {}}
        return tuple((Piece(one_line(word), **looks.get(at, {})),) for at, word in enumerate(words))  # type: ignore[arg-type]

    show_lines(table_lines(columns, [row(role) for role in listing.roles], width=terminal_width()))
    for line in _notes(listing):
        typer.echo(line, err=True)


def _notes(listing: "CrewListing") -> list[str]:
    """What is wrong, or not carried out; the same trouble of several roles once."""
    from plait.plans.wording import listed

    troubles = dict[str, list[str]]()
    for role in listing.roles:
        seen = role.seen.trouble if role.seen else ""
        if trouble := role.trouble or seen:
            troubles.setdefault(trouble.replace(f"the role {role.name}", "the role"), []).append(role.name)
    lines = [f"{listed(names, limit=5)}: {trouble}" for trouble, names in troubles.items()]
    lines += [f"{role.name}: {note}" for role in listing.roles for note in role.notes]
    lines += [problem.at(problem.file) for problem in listing.problems]
    lines += listing.notices
    if listing.is_default:
        lines.append("nobody has said who the crew is: `--crew FILE`, or `plait init` for a first one")
    return [f"note: {line}" for line in lines]


def _show_whole(role: "ListedRole") -> None:
    from plait.flows.terminal.printing import show_lines
    from plait.plans.wording import one_line
    from plait.show.pictures.cells import Line, Piece

    said = role.role
    facts = {
        "from": role.origin,
        "backend": role.backend or "none can be chosen",
        "program": role.program_shown,
        "model": role.model_shown or "the program's own",
        "slots": str(said.slots),
        "description": said.description or "",
        "capabilities": ", ".join(said.capabilities),
        "tools": "all" if said.tools is None else ", ".join(said.tools) or "none",
        "denied tools": ", ".join(said.denied_tools),
        "mcp": ", ".join(f"{name} ({server.shown})" for name, server in said.mcp.items()),
        "turns": "" if said.turns is None else str(said.turns),
        "fallback": ", ".join(said.fallback),
    }
    lines: list[Line] = [(Piece(role.name, bold=True),)]
    lines += [(Piece(f"  {key}: ", dim=True), Piece(one_line(words, 2_000))) for key, words in facts.items() if words]
    lines += [(Piece("  instructions:", dim=True),)] * bool(said.instructions)
    lines += [(Piece(f"    {one_line(line, 2_000)}"),) for line in (said.instructions or "").splitlines()]
    show_lines(lines)
    trouble = role.trouble or (role.seen.trouble if role.seen else "")
    for note in (*([trouble] if trouble else []), *role.notes):
        typer.echo(f"note: {note}", err=True)
