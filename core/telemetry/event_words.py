"""One event as one line for the eye: of most the fields as they are, of a fill and of an operator's action a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WHO = ("user", "tty", "client", "via", "origin")
_TOLD = frozenset({"action", "value", "outcome", "text", "before", "after", "id", *_WHO})


def detail_of(name: str, fields: Mapping[str, Any]) -> str:
    """The line without its time, its level, its name and its coin."""
    if name == "fill" and {"side", "size", "price"} <= fields.keys():
        return _fill(fields)
    if name == "operator" and "action" in fields:
        return _operator(fields)
    return _plain(fields)


def _plain(fields: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in fields.items() if value not in (None, ""))


def _fill(fields: Mapping[str, Any]) -> str:
    cloid = str(fields.get("cloid") or "")
    tail = f"cloid={cloid[:4]}…{cloid[-4:]}" if cloid else "external"
    where = f"src={fields.get('source', '')} {fields.get('liquidity', '')}"
    return f"{str(fields['side']).upper():4} {fields['size']} @{fields['price']} {where} {tail}"


def _operator(fields: Mapping[str, Any]) -> str:
    """``flatten by alice from 203.0.113.7 (key F) done: CONFIRMED FLAT … [position 0.1 -> position 0]``."""
    said = {name: str(value) for name, value in fields.items() if value not in (None, "")}
    who = said.get("user") or ("" if "via" in said else said.get("origin", ""))
    who = f"{who}@{said['tty']}" if who and "tty" in said else who
    parts = [said.get("action", ""), said.get("value", "") if said.get("value") != said.get("text") else ""]
    parts += [f"by {who}"] if who else []
    parts += [f"from {said['client']}"] if "client" in said else []
    parts += [f"({said['via']})"] if "via" in said else []
    outcome, text = said.get("outcome", ""), said.get("text", "")
    parts.append(f"{outcome}: {text}" if outcome and text else outcome or text)
    if "before" in said or "after" in said:
        parts.append(f"[{said.get('before', '?')} -> {said.get('after', '?')}]")
    parts.append(_plain({name: value for name, value in fields.items() if name not in _TOLD}))
    return " ".join(part for part in parts if part)
