"""Which exit code an expected error has, whose text is a sentence; what becomes of one that nobody expected."""

from __future__ import annotations

from core.journal.errors import ForeignJournalError, StorageError
from core.paper.config import BooksError, MarketDiedError, PaperError, SourceUnreachableError, StoreError
from core.runtime.exit_code import ExitCode
from core.runtime.statedir import UsageError, state_root
from core.telemetry.crash_report import sentence, write_crash


def tell_crash(where: str, error: BaseException) -> str:
    """Write the report of what nobody expected, outside of a state dir; the sentence that says so."""
    return sentence(error, write_crash(state_root() / "crashes", where, error))


def code_of(error: Exception) -> ExitCode | None:
    """``None`` for one that nobody expected."""
    match error:
        case StoreError():
            return ExitCode.STORAGE
        case SourceUnreachableError():
            return ExitCode.UNREACHABLE
        case MarketDiedError() | BooksError():
            return ExitCode.INTERNAL
        case UsageError() | ForeignJournalError() | PaperError():
            return ExitCode.USAGE
        case StorageError():
            return ExitCode.STORAGE
        case _:
            return None
