"""A plan's document as one YAML text: what Prefect's page shows of a plan that was read from several files."""

from typing import Any

import yaml

from plait.plans.language.reading import Document

_FASTEST: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_FASTEST):  # type: ignore[misc]  # its base is known at run time only
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  (the reader takes no aliases)
        return True


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    # PyYAML itself falls back to quotes where a block could not hold the text, as with spaces at the end of a line.
    node: yaml.Node = dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
    return node


_Dumper.add_representer(str, _text)


def plan_text(document: Document) -> str:
    """The text of a plan that says the same as the document."""
    text: str = yaml.dump(document.data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1_000)
    return text
