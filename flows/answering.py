"""The flow `answer-contract`: how people approve a contract on the Prefect page, or send it back."""

from typing import Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.exceptions import FailedRun
from prefect.runtime import deployment
from prefect.states import Completed, Failed

from plait.flows.approving import answer_draft
from plait.flows.inputs.parameters import repository_place
from plait.flows.recording.told_failures import ToldFailure, paragraph, put_on_page, tell_failures_once
from plait.plans.errors import PlaitError


class NotAnswered(ToldFailure, FailedRun):
    """The answer was not taken."""


@flow(name="answer-contract", flow_run_name="{answer} {contract} of {feature}", persist_result=False)
def answer_contract(
    repository: str,
    feature: str,
    contract: str,
    answer: Literal["approve", "reject"] = "approve",
    reason: str = "",
    name: str = "",
) -> State[Any]:
    """
    Approve a contract that a run waits for, or send it back to whoever wrote it.

    Args:
        repository: Name of a Feature Repository block, or the path of a clone on the worker's machine (with a slash).
        feature: The feature that the contract belongs to.
        contract: The contract's id in the plan.
        answer: Approve it, or reject it: then whoever wrote it gets it back.
        reason: What is wrong with it. Needed for a rejection, and given to whoever wrote it.
        name: Who answers; it is kept with the contract.
    """
    is_deployed = deployment.id is not None
    if is_deployed:
        tell_failures_once()
    rejected = reason if answer == "reject" else None
    try:
        place = repository_place(repository)
        given = answer_draft(place, feature, contract, by=name or "somebody on the Prefect page", rejected=rejected)
    except PlaitError as problem:
        message = paragraph(problem)
        if is_deployed:
            put_on_page("The answer was not taken", message)
        return Failed(message=message, data=NotAnswered(message))
    goes_on = "the run that waits for it goes on; a run that was ended goes on when the plan is run again"
    return Completed(message=f"{given.status} {contract} v{given.version} of {feature}: {goes_on}")
