"""The plans that `plait new` begins with: files beside this one, each a plan that passes `plait check` as it is."""

import re
from importlib.resources import files

from plait.plans.errors import CallError
from plait.plans.names import check_slug

_NAME = re.compile(r"^feature: .*$", re.MULTILINE)


def fill_template(kind: str, name: str | None) -> str:
    """The text of a template, for a feature of this name.

    Raises:
        CallError: the name is not one for a feature.
    """
    text = files("plait.flows").joinpath("templates", f"{kind}.plan.yaml").read_text(encoding="utf-8")
    if name is None:
        return text
    try:
        return _NAME.sub(f"feature: {check_slug(name)}", text, count=1)
    except ValueError as problem:
        raise CallError(f"a feature cannot be called so: {problem}", hint="such as shopping-cart") from None
