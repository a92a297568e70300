"""Which exit code an expected error has: those whose text is a sentence for the operator."""

from __future__ import annotations

from core.journal.errors import ForeignJournalError, StorageError
from core.paper.config import BooksError, MarketDiedError, PaperError, SourceUnreachableError, StoreError
from core.runtime.exit_code import ExitCode
from core.runtime.statedir import UsageError


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
