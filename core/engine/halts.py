"""How reasons of halts begin that more than one module knows: an operator's two, and those of rules."""

from __future__ import annotations

OPERATOR, FLATTEN = "operator", "flatten"
"""Asked for by an operator; every other reason is a rule's."""

AUTH_HALT = "auth"
