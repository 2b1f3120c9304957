"""For each rule a plan in which it finds something and one in which it does not: shown on its page, and tested."""

from collections.abc import Mapping
from typing import NamedTuple


class Example(NamedTuple):
    """Two plans without their first line, `feature: f`."""

    bad: str
    good: str


_VERIFIED = "integration: {verify: [make test]}\n"

EXAMPLES: Mapping[str, Example] = {
    "PLAN001": Example(
        bad="tasks:\n  - {id: DOCS, run: make docs, duration: 90}  # minutes? hours?\n",
        good="tasks:\n  - {id: DOCS, run: make docs, duration: 90m}\n",
    ),
    "PLAN002": Example(
        bad="tasks:\n  - {id: API, run: make api}\n  - {id: PAGE, run: make page, depends_on: [API]}\n",
        good="tasks:\n  - {id: API, run: make api}\n  - {id: PAGE, run: make page, needs: [API]}\n",
    ),
    "PLAN003": Example(
        bad="tasks:\n  - {id: docs, run: make docs}\n  - {id: DOCS, run: make pdf}\n",
        good="tasks:\n  - {id: docs, run: make docs}\n  - {id: pdf, run: make pdf}\n",
    ),
    "PLAN004": Example(
        bad="tasks:\n  - {id: API, run: make api}\n  - {id: PAGE, run: make page, needs: [APP]}\n",
        good="tasks:\n  - {id: API, run: make api}\n  - {id: PAGE, run: make page, needs: [API]}\n",
    ),
    "PLAN005": Example(
        bad="tasks:\n  - {id: API, run: make api, needs: [PAGE]}\n  - {id: PAGE, run: make page, needs: [API]}\n",
        good="tasks:\n  - {id: API, run: make api}\n  - {id: PAGE, run: make page, needs: [API]}\n",
    ),
    "PLAN006": Example(
        bad="crew: {builder: {slots: 2}}\ntasks:\n  - {id: API, role: buidler, run: make api}\n",
        good="crew: {builder: {slots: 2}}\ntasks:\n  - {id: API, role: builder, run: make api}\n",
    ),
    "PLAN007": Example(
        bad="resources: {staging-db: 1}\ntasks:\n  - {id: E2E, run: make e2e, uses: {staging-db: 2}}\n",
        good="resources: {staging-db: 2}\ntasks:\n  - {id: E2E, run: make e2e, uses: {staging-db: 2}}\n",
    ),
    "PLAN009": Example(
        bad="crew: {backend: {backend: command}}\n"
        "tasks:\n"
        "  - {id: API, role: backend, owns: [src/**], prompt: Write the API.}\n" + _VERIFIED,
        good="crew: {backend: {backend: command, command: [my-agent]}}\n"
        "tasks:\n"
        "  - {id: API, role: backend, owns: [src/**], prompt: Write the API.}\n" + _VERIFIED,
    ),
    "PLAN010": Example(
        bad="crew: {backend: {backend: command, command: [no-such-agent]}}\n"
        "tasks:\n"
        "  - {id: API, role: backend, owns: [src/**], prompt: Write the API.}\n" + _VERIFIED,
        good="crew: {backend: {backend: command, command: [git, --version]}}  # a program that is there\n"
        "tasks:\n"
        "  - {id: API, role: backend, owns: [src/**], prompt: Write the API.}\n" + _VERIFIED,
    ),
    "PLAN011": Example(
        bad="crew: {backend: {backend: scripted, script: no-such.script.yaml}}\n"
        "tasks:\n"
        "  - {id: API, role: backend, owns: [src/**], prompt: Write the API.}\n" + _VERIFIED,
        good="crew: {backend: {backend: scripted, script: shop.script.yaml}}  # beside the plan\n"
        "tasks:\n"
        "  - {id: API, role: backend, owns: [src/**], prompt: Write the API.}\n" + _VERIFIED,
    ),
    "PLAN012": Example(
        bad="tasks:\n"
        "  # .claude/agents/reviewer.md has no line name: reviewer\n"
        "  - {id: API, role: reviewer, owns: [src/**], prompt: Write the API.}\n" + _VERIFIED,
        good="tasks:\n"
        "  # .claude/agents/reviewer.md begins with ---, name: reviewer, ---\n"
        "  - {id: API, role: reviewer, owns: [src/**], prompt: Write the API.}\n" + _VERIFIED,
    ),
    "PLAN101": Example(
        bad="tasks:\n  - {id: API, role: backend, prompt: Write the API.}\n" + _VERIFIED,
        good="tasks:\n  - {id: API, role: backend, owns: [src/api/**], prompt: Write the API.}\n" + _VERIFIED,
    ),
    "PLAN102": Example(
        bad="tasks:\n"
        "  - {id: API, role: backend, owns: [src/**], outputs: [docs/api.md], prompt: Write the API.}\n" + _VERIFIED,
        good="tasks:\n"
        "  - {id: API, role: backend, owns: [src/**, docs/api.md], outputs: [docs/api.md], prompt: Write the API.}\n"
        + _VERIFIED,
    ),
    "PLAN103": Example(
        bad="tasks:\n"
        "  - {id: CART, role: backend, owns: [src/cart/**, src/routes.py], prompt: Write the cart.}\n"
        "  - {id: WISHES, role: backend, owns: [src/wishes/**, src/routes.py], prompt: Write the wish list.}\n"
        + _VERIFIED,
        good="tasks:\n"
        "  - {id: CART, role: backend, owns: [src/cart/**, src/routes.py], prompt: Write the cart.}\n"
        "  - id: WISHES\n"
        "    role: backend\n"
        "    needs: [CART]  # starts from what CART made of src/routes.py\n"
        "    owns: [src/wishes/**, src/routes.py]\n"
        "    prompt: Write the wish list.\n" + _VERIFIED,
    ),
    "PLAN104": Example(
        bad="tasks:\n  - {id: TYPES, role: backend, count: 3, owns: [src/**], prompt: Add type hints.}\n" + _VERIFIED,
        good="tasks:\n"
        "  - {id: TYPES-A, role: backend, owns: [src/a/**], prompt: Add type hints in src/a.}\n"
        "  - {id: TYPES-B, role: backend, owns: [src/b/**], prompt: Add type hints in src/b.}\n" + _VERIFIED,
    ),
    "PLAN105": Example(
        bad="tasks:\n  - {id: READ, role: qa, owns: [], prompt: Read the cart for mistakes.}\n" + _VERIFIED,
        good="tasks:\n"
        "  - {id: READ, role: qa, owns: [], changes: optional, prompt: Read the cart for mistakes.}\n" + _VERIFIED,
    ),
    "PLAN106": Example(
        bad="tasks:\n  - {id: PAGE, role: web, owns: [web/lib/**], prompt: Write the page.}  # .gitignore has lib/\n"
        + _VERIFIED,
        good="tasks:\n  - {id: PAGE, role: web, owns: [web/src/**], prompt: Write the page.}\n" + _VERIFIED,
    ),
    "PLAN201": Example(
        bad="tasks:\n"
        "  - {id: DESIGN, role: architect, owns: [docs/cart.md], prompt: Describe the cart.}\n"
        "  - {id: CART, role: backend, owns: [src/**], prompt: Write the cart of docs/cart.md.}\n" + _VERIFIED,
        good="tasks:\n"
        "  - {id: DESIGN, role: architect, owns: [docs/cart.md], prompt: Describe the cart.}\n"
        "  - {id: CART, role: backend, needs: [DESIGN], owns: [src/**], prompt: Write the cart of docs/cart.md.}\n"
        + _VERIFIED,
    ),
    "PLAN202": Example(
        bad="tasks:\n"
        "  - {id: A, run: make a}\n"
        "  - {id: B, run: make b, needs: [A]}\n"
        "  - {id: C, run: make c, needs: [A, B]}  # B needs A already\n",
        good="tasks:\n"
        "  - {id: A, run: make a}\n"
        "  - {id: B, run: make b, needs: [A]}\n"
        "  - {id: C, run: make c, needs: [B]}\n",
    ),
    "PLAN203": Example(
        bad="tasks:\n  - {id: A, run: make a}\n  - {id: B, run: make b, needs: [{any: [A]}]}\n",
        good="tasks:\n  - {id: A, run: make a}\n  - {id: B, run: make b, needs: [A]}\n",
    ),
    "PLAN204": Example(
        bad="contracts: [{id: api, owner: API}]\n"
        "tasks:\n"
        "  - {id: API, run: make api}\n"
        "  - {id: PAGE, run: make page, needs: [{contract: api}, API]}\n",
        good="contracts: [{id: api, owner: API}]\n"
        "tasks:\n"
        "  - {id: API, run: make api}\n"
        "  - {id: PAGE, run: make page, needs: [{contract: api}]}\n",
    ),
    "PLAN205": Example(
        bad="tasks:\n"
        "  - {id: SCHEMA, run: make schema, priority: low}\n"
        "  - {id: FIX, run: make fix, priority: critical, needs: [SCHEMA]}\n",
        good="tasks:\n"
        "  - {id: SCHEMA, run: make schema, priority: critical}\n"
        "  - {id: FIX, run: make fix, priority: critical, needs: [SCHEMA]}\n",
    ),
    "PLAN301": Example(
        bad="tasks:\n"
        "  - {id: API, role: architect, duration: 4h, owns: [src/api/**], prompt: Write the API.}\n"
        "  - {id: PAGE, role: frontend, duration: 4h, needs: [API], owns: [web/**], prompt: Write the page.}\n"
        "  - {id: APP, role: mobile, duration: 4h, needs: [API], owns: [app/**], prompt: Write the app.}\n"
        "  - {id: TESTS, role: qa, duration: 1h, needs: [API], owns: [tests/**], prompt: Write its tests.}\n"
        + _VERIFIED,
        good="contracts: [{id: api, files: [docs/api.yaml]}]\n"
        "tasks:\n"
        "  - id: API\n"
        "    role: architect\n"
        "    duration: 4h\n"
        "    needs: [{contract: api}]\n"
        "    owns: [src/api/**]\n"
        "    prompt: Write the API.\n"
        "  - {id: PAGE, role: frontend, duration: 4h, needs: [{contract: api}], owns: [web/**], prompt: Show a cart.}\n"
        "  - {id: APP, role: mobile, duration: 4h, needs: [{contract: api}], owns: [app/**], prompt: Write the app.}\n"
        "  - {id: TESTS, role: qa, duration: 1h, needs: [API], owns: [tests/**], prompt: Write its tests.}\n"
        + _VERIFIED,
    ),
    "PLAN302": Example(
        bad="crew: {backend: {slots: 6}}\n"
        "tasks:\n"
        + "".join(
            f"  - {{id: PART-{n}, role: backend, owns: [src/{n}/**], prompt: Write part {n}.}}\n" for n in "123456"
        )
        + _VERIFIED,
        good="crew: {backend: {slots: 3}}\n"
        "tasks:\n"
        + "".join(
            f"  - {{id: PART-{n}, role: backend, owns: [src/{n}/**], prompt: Write part {n}.}}\n" for n in "123456"
        )
        + _VERIFIED,
    ),
    "PLAN303": Example(
        bad="crew: {backend: {slots: 3}}\n"
        "tasks:\n"
        + "".join(f"  - {{id: PART-{n}, role: backend, owns: [src/{n}/**], prompt: Write part {n}.}}\n" for n in "123")
        + "integration: {ready: 0.1, verify: [make test]}\n",
        good="crew: {backend: {slots: 3}}\n"
        "tasks:\n"
        + "".join(f"  - {{id: PART-{n}, role: backend, owns: [src/{n}/**], prompt: Write part {n}.}}\n" for n in "123")
        + "integration: {ready: 0.8, verify: [make test]}\n",
    ),
    "PLAN304": Example(
        bad="tasks:\n"
        "  - {id: CART, role: backend, owns: [src/cart/**], prompt: Write the module and its tests.}\n"
        "  - {id: TAX, role: backend, owns: [src/tax/**], prompt: Write the module and its tests.}\n" + _VERIFIED,
        good="tasks:\n"
        "  - {id: CART, role: backend, owns: [src/cart/**], prompt: Write src/cart and its tests.}\n"
        "  - {id: TAX, role: backend, owns: [src/tax/**], prompt: Write src/tax and its tests.}\n" + _VERIFIED,
    ),
    "PLAN401": Example(
        bad="tasks:\n  - {id: API, role: backend, owns: [src/**], prompt: Write the API.}\n",
        good="tasks:\n  - {id: API, role: backend, owns: [src/**], prompt: Write the API.}\n" + _VERIFIED,
    ),
    "PLAN402": Example(
        bad="tasks:\n"
        "  - {id: API, role: backend, owns: [src/**], verify: [make test-api], prompt: Write the API.}\n"
        "  - {id: PAGE, role: frontend, owns: [web/**], verify: [make test-page], prompt: Write the page.}\n",
        good="tasks:\n"
        "  - {id: API, role: backend, owns: [src/**], verify: [make test-api], prompt: Write the API.}\n"
        "  - {id: PAGE, role: frontend, owns: [web/**], verify: [make test-page], prompt: Write the page.}\n"
        + _VERIFIED,
    ),
    "PLAN403": Example(
        bad="tasks:\n  - {id: DOCS, run: make docs}\nintegration: {land: auto}\n",
        good="tasks:\n  - {id: DOCS, run: make docs}\nintegration: {land: auto, verify: [make test]}\n",
    ),
    "PLAN404": Example(
        bad="tasks:\n  - {id: API, role: backend, owns: [src/**], prompt: Fix it}\n" + _VERIFIED,
        good="tasks:\n"
        "  - {id: API, role: backend, owns: [src/**], prompt: 'Answer 404, not 500, for an unknown cart.'}\n"
        + _VERIFIED,
    ),
    "PLAN405": Example(
        bad="tasks:\n  - {id: A, run: make a, duration: 10m}\n  - {id: B, run: make b}\n",
        good="tasks:\n  - {id: A, run: make a, duration: 10m}\n  - {id: B, run: make b, duration: 20m}\n",
    ),
    "PLAN406": Example(
        bad="tasks:\n  - {id: A, run: make a, duration: 2h, timeout: 30m}\n",
        good="tasks:\n  - {id: A, run: make a, duration: 2h, timeout: 4h}\n",
    ),
    "PLAN407": Example(
        bad="tasks:\n"
        "  - {id: API, role: architect, owns: [src/**], review: {by: architect}, prompt: Write the API.}\n" + _VERIFIED,
        good="tasks:\n"
        "  - {id: API, role: architect, owns: [src/**], review: {by: reviewer}, prompt: Write the API.}\n" + _VERIFIED,
    ),
    "PLAN408": Example(
        bad="tasks:\n  - {id: API, role: backend, owns: [src/**], prompt: Write the API.}\n"
        "integration: {verify: ['true # make test']}\n",
        good="tasks:\n  - {id: API, role: backend, owns: [src/**], prompt: Write the API.}\n" + _VERIFIED,
    ),
    "PLAN409": Example(
        bad="tasks:\n  - {id: API, role: backend, owns: [src/**], prompt: Write the API.}\n"
        "integration: {verify: [{stage: tests, run: pytest -q}, {stage: syntax, run: ruff check .}]}\n",
        good="tasks:\n  - {id: API, role: backend, owns: [src/**], prompt: Write the API.}\n"
        "integration: {verify: [{stage: syntax, run: ruff check .}, {stage: tests, run: pytest -q}]}\n",
    ),
    "PLAN501": Example(
        bad="contracts: [{id: api, owner: API}]\ntasks:\n  - {id: API, run: make api}\n",
        good="contracts: [{id: api, owner: API}]\n"
        "tasks:\n"
        "  - {id: API, run: make api}\n"
        "  - {id: PAGE, run: make page, needs: [{contract: api}]}\n",
    ),
    "PLAN502": Example(
        bad="resources: {staging-db: 1}\ntasks:\n  - {id: E2E, run: make e2e}\n",
        good="resources: {staging-db: 1}\ntasks:\n  - {id: E2E, run: make e2e, uses: {staging-db: 1}}\n",
    ),
    "PLAN503": Example(
        bad="crew: {writer: {slots: 2}, qa: {slots: 1}}\ntasks:\n  - {id: DOCS, role: writer, run: make docs}\n",
        good="crew: {writer: {slots: 2}}\ntasks:\n  - {id: DOCS, role: writer, run: make docs}\n",
    ),
    "PLAN504": Example(
        bad="phases: [{id: build, tasks: [A]}, {id: release}]\ntasks:\n  - {id: A, run: make a}\n",
        good="phases: [{id: build, tasks: [A]}]\ntasks:\n  - {id: A, run: make a}\n",
    ),
    "PLAN505": Example(
        bad="phases: [{id: build, tasks: [A]}]\ntasks:\n  - {id: A, run: make a}\n  - {id: B, run: make b}\n",
        good="phases: [{id: build, tasks: [A, B]}]\ntasks:\n  - {id: A, run: make a}\n  - {id: B, run: make b}\n",
    ),
    "PLAN601": Example(
        bad="tasks:\n  - {id: API, role: backnd, owns: [src/**], prompt: Write the API.}\n" + _VERIFIED,
        good="tasks:\n  - {id: API, role: backend, owns: [src/**], prompt: Write the API.}\n" + _VERIFIED,
    ),
    "PLAN901": Example(
        bad="lint: {ignore: [{code: PLAN403, reason: nobody reads this}]}\ntasks:\n  - {id: A, run: make a}\n",
        good="tasks:\n"
        "  - id: A\n"
        "    run: make a\n"
        "    duration: 2h\n"
        "    timeout: 1h\n"
        "    lint: {ignore: [{code: PLAN406, reason: 2h is what it takes on a cold cache}]}\n",
    ),
}
