"""The flow `answer-contract`: how people approve a contract, or work, on the Prefect page, or send it back."""

from typing import Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.exceptions import FailedRun
from prefect.states import Completed

from plait.flows.approving import keep_answer
from plait.flows.inputs.parameters import repository_place
from plait.flows.recording.told_failures import ToldFailure, paragraph, told_end
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
    Approve a contract or the work of a task that a run waits for, or send it back to whoever made it.

    Args:
        repository: Name of a Feature Repository block, or the path of a clone on the worker's machine (with a slash).
        feature: The feature that it belongs to.
        contract: The contract's id in the plan, or the task's whose work its reviewer has not approved.
        answer: Approve it, or reject it: then whoever wrote it gets it back.
        reason: What is wrong with it. Needed for a rejection, and given to whoever wrote it.
        name: Who answers; it is kept with the contract.
    """
    rejected = reason if answer == "reject" else None
    try:
        place = repository_place(repository)
        given = keep_answer(place, feature, contract, by=name or "somebody on the Prefect page", rejected=rejected)
    except PlaitError as problem:
        return told_end(NotAnswered(paragraph(problem)), title="The answer was not taken")
    goes_on = "the run that waits for it goes on; a run that was ended goes on when the plan is run again"
    return Completed(message=f"{given.says} of {feature}: {goes_on}")
