"""The arguments of HogQL's functions by name, as the engine itself tells them: ``python -m tools.hogql_signatures``.

ClickHouse's table ``system.functions`` has a line of syntax for most functions. One is taken where PostHog's function
of that name takes as many arguments; the others are told by how many they take.
"""

from __future__ import annotations

import re
from pathlib import Path

from posthog_nb.embedded.hogql.completion import signatures
from posthog_nb.embedded.hogql.function_table import FUNCTIONS

__all__ = ["rendered"]

FILE = Path(signatures.__file__).with_name("signatures.txt")
_CALL = re.compile(r"(?P<name>\w+)(?:\((?P<parameters>[^()]*)\))?\((?P<arguments>[^()]*)\)")
_LONGEST = 120


def rendered() -> str:
    """The file as it should be."""
    import chdb  # noqa: PLC0415 - a tool's own

    rows = str(chdb.query("SELECT name, syntax FROM system.functions WHERE syntax != '' ORDER BY name", "TabSeparated"))
    found = {}
    for row in rows.splitlines():
        name, syntax = row.split("\t")
        call = _CALL.match(re.split(r"\\n|;", syntax.replace("\\'", "'"))[0].strip())
        if (
            call
            and name in FUNCTIONS
            and call["name"] == name
            and len(call.group()) <= _LONGEST
            and _agrees(name, call)
        ):
            found[name] = call.group()
    return "".join(f"{found[name]}\n" for name in sorted(found))


def _agrees(name: str, call: re.Match[str]) -> bool:
    function, arguments = FUNCTIONS[name], call["arguments"]
    if function.refusal:
        return False
    required = [one for one in re.sub(r"\[.*\]", "", arguments).split(",") if one.strip()]
    every = [one for one in re.sub(r"[\[\]]", "", arguments).split(",") if one.strip()]
    if "..." in arguments or " AS " in arguments:
        return function.max_args is None and len(required) >= function.min_args
    return len(required) == function.min_args and len(every) == function.max_args


if __name__ == "__main__":
    FILE.write_text(rendered())
