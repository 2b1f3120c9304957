"""One call of an agent: what its role gives it, its way to its provider, and checkpoints of its work beside it."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace

from plait.agent_tasks.checkpoints import Checkpoints
from plait.agent_tasks.run_budget import BudgetStop
from plait.agent_tasks.run_door import WayIn
from plait.agent_tasks.sandboxing import sandbox_of
from plait.agent_tasks.workshop import Workshop
from plait.blocks.agents.base import AgentOrder, AgentReport, not_started
from plait.plans.accounts.sharing import account_of
from plait.plans.agents.activity import Activity
from plait.plans.agents.launching import McpServer
from plait.plans.agents.outcomes import Verdict
from plait.plans.budgets.limits import Limits
from plait.plans.language.crew import Role
from plait.plans.language.environment import from_shell, own_values
from plait.workspace.environment import our_values


def call_agent(
    role_name: str, order: AgentOrder, shop: Workshop, checkpoints: Checkpoints | None = None
) -> AgentReport:
    """Let a role's agent carry an order out, to its end; one that only reads has no `checkpoints`.

    Raises:
        CallError, EnvironmentProblem: as `CodingAgent.work` and `RunDoor.way_in`.
    """
    role, agent, budget = shop.crew.role(role_name), shop.agent_of(role_name), shop.budget
    if budget.spent:
        return _stopped_by(budget.spent, not_started(order, "no agent was started"))
    name = f"{order.task} {order.output}"
    intervals = checkpoints.at_intervals(role.checkpoint, stop=shop.stop) if checkpoints else nullcontext()
    with intervals, _way_in(role_name, order, shop) as way:
        servers = (*order.servers, *servers_of(role))

        def hear(activity: Activity) -> None:
            if way.entry is None:
                budget.note(name, activity.usage)
            if order.on_activity is not None:
                order.on_activity(activity)

        report = agent.work(
            replace(
                order,
                turns=order.turns or role.turns,
                usd=None if way.entry else role.usd,  # the door keeps it over all tries, a program within one
                tools=role.tools if order.tools is None else order.tools,
                denied_tools=role.denied_tools,
                servers=servers,
                door=way.entry,
                door_sight=way.sight,
                stop=BudgetStop(order.stop, budget),
                on_activity=hear,
                memory=role.memory,
                sandbox=sandbox_of(role_name, agent.backend, replace(order, servers=servers), shop, way),
            )
        )
        if way.entry is None:
            budget.note(name, report.usage)
    is_stopped = report.cause == "cancelled" and budget.spent and not order.stop.is_set()
    return _stopped_by(budget.spent, report) if is_stopped else report


def _stopped_by(words: str, report: AgentReport) -> AgentReport:
    """The report on an agent that the run's budget has ended: its work is kept, and nobody tries again."""
    reason = f"the budget is spent: {words}"
    verdict = replace(report.verdict or Verdict("budget spent"), outcome="budget spent", reason=reason)
    return replace(report, claims_done=False, problem=reason, verdict=verdict)


@contextmanager
def _way_in(role_name: str, order: AgentOrder, shop: Workshop) -> Iterator[WayIn]:
    role, agent = shop.crew.role(role_name), shop.agent_of(role_name)
    if role.door == "off":
        yield WayIn()
        return
    with shop.door.way_in(
        order.task,
        agent.backend,
        model=order.model,
        account=account_of(role_name, role, shop.crew.default_backend),
        limits=Limits(tokens=role.tokens, usd=role.usd),
        environment=order.environment,
    ) as way:
        yield way


def servers_of(role: Role) -> Iterator[McpServer]:
    """The MCP servers of a role; a name in a server's environment stands for our variable of that name."""
    for name, entry in role.mcp.items():
        environment = {**our_values(from_shell(entry.environment)), **own_values(entry.environment)}
        yield McpServer(name, entry.command or (), environment, entry.url or "", dict(entry.headers))
