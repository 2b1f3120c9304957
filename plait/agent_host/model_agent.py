"""A model at work in a checkout: asked by pydantic-ai, with plait's tools, until it says that it is done."""

import asyncio
import json
from contextlib import AsyncExitStack
from importlib.metadata import version
from typing import Any, Final, cast
from uuid import uuid4

from pydantic_ai import Agent, StructuredDict
from pydantic_ai.exceptions import AgentRunError, UserError
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, RetryFeedbackPart, TextPart, ToolReturnPart
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import UsageLimits

from plait.agent_host.hosting import FAILED
from plait.agent_host.model_servers import open_servers
from plait.agent_host.model_tools import Toolbox
from plait.agent_host.orders import HostOrder
from plait.agent_host.providers import KeyMissing, host_environment, model_at, provider_of, settings_for, without_keys
from plait.agent_host.refusals import AnswerCut, ended_by, wait_before_retry
from plait.agent_host.sessions import SessionGone, load_session, save_session
from plait.agent_host.telling import Teller
from plait.plans.agents.stream import Ended, Retrying, Said, Started, Tokens, Used, Warned
from plait.plans.wording import one_line

_TOOL_MISTAKES: Final = 20
"""How often in a row a model may use one tool with arguments that do not fit it."""
_ANSWER_MISTAKES: Final = 3
_WRAPPED: Final = "answer"
"""What holds an answer that is no object: tools give objects alone."""
_INSTRUCTIONS: Final = """\
You are a coding agent that works alone in a checkout of a git repository: nobody answers questions. Do what you are
asked with your tools, look at files before you change them, and check your work. Paths are relative to the checkout.
Do not commit: your files are committed for you when you end. End with a short summary of what you did, and only when
it is done; where it cannot be done, say why."""


class ModelWork:
    """One try by a model."""

    def __init__(self, order: HostOrder, teller: Teller) -> None:
        self._order, self._launch, self._teller = order, order.launch, teller
        self._session = order.launch.session or order.launch.new_session or str(uuid4())
        self._turns = 0
        self._messages: list[ModelMessage] = []

    async def run(self) -> int:
        """Until the model has ended, or cannot; its exit status."""
        environment = host_environment()
        toolbox = Toolbox(self._launch, self._teller, without_keys(environment))
        try:
            if self._launch.session:
                self._messages = load_session(self._launch.home, self._launch.session)
            provider = provider_of(self._order, environment)
            model = model_at(provider)
        except KeyMissing as problem:
            return self._end(Ended("provider error", status=401, words=str(problem)))
        except (SessionGone, UserError) as problem:
            return self._end(Ended("unclear", words=str(problem)))
        try:
            async with AsyncExitStack() as servers:
                toolsets = await open_servers(self._launch.servers, servers, self._teller)
                self._teller.tell(
                    Started(
                        session=self._session,
                        model=provider.model,
                        version=version("pydantic-ai-slim"),
                        tools=toolbox.names,
                        servers=toolsets.states,
                    )
                )
                agent: Agent[None, Any] = Agent(
                    model,
                    output_type=_output_type(self._launch.schema),
                    instructions="\n\n".join(filter(None, (_INSTRUCTIONS, self._launch.instructions))),
                    model_settings=cast(ModelSettings, settings_for(provider)),
                    tools=toolbox.offered(),
                    toolsets=toolsets.open,
                    retries={"tools": _TOOL_MISTAKES, "output": _ANSWER_MISTAKES},
                )
                return await self._converse(agent)
        finally:
            toolbox.close()

    async def _converse(self, agent: Agent[None, Any]) -> int:
        """Ask until there is an answer, and again where the provider could not give one."""
        prompt: str | None = self._launch.prompt
        retries = 0
        while True:
            before = self._turns
            try:
                return self._finish(await self._ask(agent, prompt))
            except UserError as problem:  # what the model cannot do, such as tools
                return self._end(Ended("unclear", words=str(problem), turns=self._turns))
            except AgentRunError as problem:
                retries = 0 if self._turns > before else retries
                wait = wait_before_retry(problem, retries=retries)
                if getattr(problem, "in_stream", False):
                    self._teller.tell(Used(Tokens(), "call", is_exact=False))
                if wait is None:
                    self._keep()
                    return self._end(ended_by(problem, turns=self._turns))
                retries += 1
                self._teller.tell(Retrying(retries, wait.status, wait.seconds, wait.words))
            await asyncio.sleep(wait.seconds)
            prompt = None if self._messages else prompt

    async def _ask(self, agent: Agent[None, Any], prompt: str | None) -> Any:
        """One conversation with the model and its tools; `_messages` is what there is of it, however it ends."""
        limit = self._launch.turns - self._turns if self._launch.turns else None
        async with agent.iter(
            prompt, message_history=self._messages or None, usage_limits=UsageLimits(request_limit=limit)
        ) as run:
            async for node in run:
                self._messages = run.all_messages()
                if Agent.is_model_request_node(node):
                    self._tell_mistakes(node.request)
                    async with node.stream(run.ctx) as stream:
                        async for _ in stream:
                            self._teller.pulse()
                elif Agent.is_call_tools_node(node):
                    self._tell_response(node.model_response)
                    if _is_cut(node.model_response):
                        self._messages = [each for each in run.all_messages() if each is not node.model_response]
                        raise AnswerCut
                    self._turns += 1
                self._keep()
            self._messages = run.all_messages()
            self._keep()
            return run.result.output if run.result else None

    def _tell_mistakes(self, request: ModelRequest) -> None:
        """Uses of tools that did not get as far as the tool."""
        for part in request.parts:
            if isinstance(part, ToolReturnPart) and part.outcome == "retried":
                self._teller.tell(Warned(one_line(f"{part.tool_name}: {part.content}", 300)))
            elif isinstance(part, RetryFeedbackPart):
                self._teller.tell(Warned("its answer is not of the form that was asked for, and it is asked again"))

    def _tell_response(self, response: ModelResponse) -> None:
        usage = response.usage
        tokens = Tokens(
            read=usage.input_tokens,
            written=usage.output_tokens,
            cached=usage.cache_read_tokens,
            stored=usage.cache_write_tokens,
            thought=usage.output_reasoning_tokens,
        )
        call = response.provider_response_id or str(uuid4())
        is_exact = not usage.unmeasured_requests and not _is_cut(response)
        self._teller.tell(Used(tokens, "call", is_exact=is_exact, call=call, model=response.model_name))
        for part in response.parts:
            if isinstance(part, TextPart) and part.content.strip():
                self._teller.tell(Said(part.content))

    def _finish(self, output: Any) -> int:
        last = next((each for each in reversed(self._messages) if isinstance(each, ModelResponse)), None)
        match last.finish_reason if last else None:
            case "content_filter":
                return self._end(Ended("refused", words=str(output), turns=self._turns))
            case "length":
                words = f"its last answer was cut at the most tokens that it may have: {output}"
                return self._end(Ended("unclear", words=words, turns=self._turns))
        if self._launch.schema is None:
            return self._end(Ended("completed", words=str(output), turns=self._turns))
        answer = output if _is_object(self._launch.schema) else output.get(_WRAPPED)
        words = json.dumps(answer, ensure_ascii=False)
        return self._end(Ended("completed", words=words, turns=self._turns, answer=words))

    def _keep(self) -> None:
        save_session(self._launch.home, self._session, self._messages)

    def _end(self, ended: Ended) -> int:
        self._teller.tell(ended)
        return 0 if ended.ending == "completed" else FAILED


def _is_cut(response: ModelResponse) -> bool:
    """Whether it broke off: no provider ends an answer without a reason, in its own words where nobody knows them.

    Of Chat Completions the library takes a stream without one for a good end, as some servers never name any: one that
    tells no usage either, which comes last, was cut.
    """
    if (response.provider_details or {}).get("finish_reason"):
        return False
    return response.finish_reason is None or bool(response.usage.unmeasured_requests)


def _output_type(schema: str | None) -> Any:
    if schema is None:
        return str
    wanted = json.loads(schema)
    if not _is_object(schema):
        wanted = {"type": "object", "properties": {_WRAPPED: wanted}, "required": [_WRAPPED]}
    return StructuredDict(wanted, name="final_answer")


def _is_object(schema: str) -> bool:
    return bool(json.loads(schema).get("type") == "object")
