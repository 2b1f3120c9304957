"""The task that lets an agent read another's work: a checkout of the commit, the changes as data, a verdict or none."""

import secrets
from contextlib import suppress
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from plait.agent_tasks.account_words import refusal_of, tell_if_broken
from plait.agent_tasks.agent_call import call_agent
from plait.agent_tasks.agent_instructions import instructions_of
from plait.agent_tasks.early_ends import shown_as_cancelled
from plait.agent_tasks.errors import AccountRefused, TaskStopped, TryFailed
from plait.agent_tasks.reading import Heard, Reading, read_in_checkout
from plait.agent_tasks.review_prompts import review_prompt
from plait.agent_tasks.trying import TryFolder, begin_try
from plait.agent_tasks.workshop import Workshop, workshop_of
from plait.plans.accounts.refusals import Refusal
from plait.plans.language.groundwork import groundwork_of, own_groundwork
from plait.plans.tasks.review_verdicts import VERDICT_SCHEMA, NoVerdictError, printed_verdict, verdict_in
from plait.plans.tasks.reviews import Verdict
from plait.plans.tasks.work import ReviewOrder, ReviewReport, RunFacts
from plait.plans.usage import Usage
from plait.plans.wording import listed

FOLDER = "reviews"
"""Of a run: below it each task that was reviewed has a folder with a try for each review."""


@task(name="review", task_run_name="{order.name}", cache_policy=NO_CACHE, persist_result=False)
@shown_as_cancelled
def review(order: ReviewOrder, facts: RunFacts) -> ReviewReport:
    """Let an agent read the work of a task, and give its verdict.

    Raises:
        TryFailed: there is no verdict, in a sentence; whoever asked may ask again.
        TaskStopped: the run was cancelled.
        AccountRefused: the agent's account gives nothing now.
        EnvironmentProblem: its program is not there, or the disk is full.
    """
    shop = workshop_of(facts)
    if shop.stop.is_set():
        raise TaskStopped
    folder = begin_try(reviews_of(shop, order.task.id), agent=order.agent, dispatch="read")
    usage: Usage | None = None
    try:
        heard, mark = _heard(order, shop, folder)
        usage = heard.report.usage
        verdict = _verdict(order, shop, heard, mark)
    except Exception as failure:
        _write_down(folder, failure, usage)
        if shop.stop.is_set() and not isinstance(failure, TaskStopped):
            raise TaskStopped from failure
        raise
    folder.close(failed=None, usage=usage)
    if heard.changed:
        shop.tell(f"{order.name}: what the reviewer changed is thrown away: {listed(heard.changed)}")
    return ReviewReport(verdict, heard.changed)


def reviews_of(shop: Workshop, task_id: str) -> Path:
    """Where the reviews of a task are kept."""
    return shop.directory / FOLDER / task_id


def _heard(order: ReviewOrder, shop: Workshop, folder: TryFolder) -> tuple[Heard, str]:
    """What the reviewer left, and the word that its verdict has to hold if it is printed."""
    mark = secrets.token_hex(8)  # drawn once the work is there: no diff can hold it
    prompt = review_prompt(order, shop, mark=mark)
    folder.prompt.write_text(prompt, encoding="utf-8")
    folder.prompt.chmod(0o600)
    ground = groundwork_of(shop.crew, order.role, own_groundwork(order.task.task))
    reading = Reading(
        task=order.task.id,
        commit=order.commit,
        branch=f"review/{order.task.id}",
        prompt=prompt,
        output=folder.output,
        place=folder.work,
        attempt=folder.attempt,
        reads=order.round,
        schema=VERDICT_SCHEMA,
        home=folder.home,
        instructions=instructions_of(order.role, shop),
        complexity=order.task.task.complexity,
    )
    heard = read_in_checkout(
        reading,
        control=shop.control,
        home=shop.home,
        role=shop.crew.role(order.role),
        work=lambda asked: call_agent(order.role, asked, shop),
        variables=ground.environment,
        stop=shop.stop,
        on_line=lambda line: shop.hear(order.task.id, line),
        surroundings=shop.surroundings,
    )
    return heard, mark


def _verdict(order: ReviewOrder, shop: Workshop, heard: Heard, mark: str) -> Verdict:
    """The verdict of a reviewer that ended well.

    Raises:
        TryFailed, TaskStopped, AccountRefused: there is none.
    """
    report = heard.report
    if report.cause == "cancelled":
        raise TaskStopped
    missing = report.problem
    if missing is None:
        try:
            answer = report.answer or (report.verdict.answer if report.verdict else None)
            return verdict_in(answer) if answer else printed_verdict(heard.printed, mark)
        except NoVerdictError as problem:
            missing = str(problem)
    refusal = refusal_of(report, order.role, shop, changed=False)
    if refusal is not None:
        raise _Refused(refusal)
    tell_if_broken(report, order.task.id, order.role, shop, changed=False)
    raise TryFailed(missing)


class _Refused(AccountRefused):
    """The same, with all that was said: it goes into the record of the review."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.words)
        self.refusal = refusal


def _write_down(folder: TryFolder, failure: Exception, usage: Usage | None) -> None:
    refusal = failure.refusal if isinstance(failure, _Refused) else None
    with suppress(OSError):  # a full disk must not hide what went wrong first
        folder.close(failed=str(failure).strip() or type(failure).__name__, refused=refusal, usage=usage)
