"""The contract's signature is on record: what breaks a plugin raises `API`.

python tests/contract/test_contract_signature.py      records it anew, after API was raised or something was only added
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from pathlib import Path
from typing import Any

from spinefx import api
from spinefx.contract import hookspecs
from spinefx.contract.plugin import API, KINDS

RECORD = Path(__file__).parent / "signature.json"


def _fields(thing: Any) -> list[str]:
    return [
        f"{field.name}: {field.type}{'' if _needed(field) else ' = ...'}"
        for field in dataclasses.fields(thing)
        if field.init
    ]


def _needed(field: Any) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def signature() -> dict[str, Any]:
    """Name of what plugins import -> its fields and public methods with their arguments."""
    found: dict[str, Any] = {}
    for name in api.__all__:
        thing = getattr(api, name)
        if inspect.isclass(thing):
            methods = {
                n: str(inspect.signature(m)) for n, m in vars(thing).items() if inspect.isfunction(m) and n[0] != "_"
            }
            bases = [base.__name__ for base in thing.__bases__ if base is not object]
            found[name] = {
                "fields": _fields(thing) if dataclasses.is_dataclass(thing) else [],
                "methods": methods,
                "is": bases,
            }
        elif inspect.isfunction(thing):
            found[name] = str(inspect.signature(thing))
        else:
            found[name] = type(thing).__name__
    hooks = {n: str(inspect.signature(h)) for n, h in vars(hookspecs).items() if n.startswith("spinefx_")}
    return {"api": API, "kinds": KINDS, "hooks": hooks, "names": found}


def broken(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What a plugin written for the old signature could miss in the new one; what was only added breaks nobody."""
    lost = [f"hook {n}" for n, s in old["hooks"].items() if new["hooks"].get(n) != s]
    lost += [f"kind {n}" for n, hook in old["kinds"].items() if new["kinds"].get(n) != hook]
    for name, before in old["names"].items():
        after = new["names"].get(name)
        if not isinstance(before, dict) or not isinstance(after, dict):
            lost += [name] if before != after else []
            continue
        lost += [f"{name}.{n}{s}" for n, s in before["methods"].items() if after["methods"].get(n) != s]
        known, now = before["fields"], after["fields"]
        lost += [f"{name}: {field}" for field in known if field not in now]
        lost += [
            f"{name}: new and required {field}" for field in now if field not in known and not field.endswith("= ...")
        ]
        lost += [f"{name} is no {base} any more" for base in before["is"] if base not in after["is"]]
    return lost


def test_what_breaks_plugins_raises_the_contracts_number() -> None:
    old, new = json.loads(RECORD.read_text()), json.loads(json.dumps(signature()))
    lost = broken(old, new)
    assert not lost or new["api"] > old["api"], f"breaks plugins, so raise API in contract/plugin.py: {lost}"
    assert new == old, f"the record is old; after a look at the difference: python {Path(__file__).name}"


def test_a_break_is_seen_and_an_addition_is_not() -> None:
    old = json.loads(json.dumps(signature()))
    new = json.loads(json.dumps(old))
    new["names"]["Scan"]["fields"].append("more: int = ...")
    new["names"]["Brand"] = "str"
    assert broken(old, new) == []
    new["names"]["Scan"]["fields"].append("needed: int")
    del new["names"]["Grid"]["methods"]["to_world"]
    del new["hooks"]["spinefx_loaders"]
    said = " ".join(broken(old, new))
    assert all(word in said for word in ("hook spinefx_loaders", "Scan: new and required needed", "Grid.to_world"))
    assert len(broken(old, new)) == 3


if __name__ == "__main__":
    RECORD.write_text(json.dumps(signature(), indent=1) + "\n")
