"""Disk and machine, keys, and the log itself."""

from __future__ import annotations

from core.telemetry.catalogue.kind import Kind

MACHINE = (
    Kind(
        "storage_failed",
        "crit",
        "reason",
        "The journal can't be written: no quoting, orders are taken back.",
        "Make space or mend the disk; it goes on by itself.",
        True,
        "wal_append_error, wal_write_error, fill_log_write_error, state_save_error",
    ),
    Kind("storage_recovered", "info", "lasted_s", "It can be written again.", "", True),
    Kind(
        "journal_damaged",
        "crit",
        "reason",
        "The journal is damaged; the run ends in order.",
        "`gridbot restore`, or `gridbot doctor --rebuild-from-exchange`.",
        True,
        "wal_checksum_mismatch, state_integrity_issues",
    ),
    Kind(
        "slow_commit",
        "warn",
        "commit_ms",
        "The disk takes long: quoting pauses above a second.",
        "A faster disk.",
    ),
    Kind("backlog", "warn", "waiting", "Events wait for the core: the machine is too slow or busy."),
    Kind(
        "loop_lag",
        "warn",
        "gap_s",
        "The process stood still; all is looked at anew before anything is placed.",
        "Was the machine suspended, or is it too busy?",
    ),
)

CLOCK = (
    Kind(
        "clock_off",
        "warn crit",
        "off_s reason",
        "This machine's clock has differed from the exchange's by more than 5 s for 10 s (crit: 30 s); + is ahead.",
        "Have it set by NTP (`timedatectl set-ntp true`). Orders go by the exchange's clock all the same.",
    ),
    Kind("clock_agrees", "info", "off_s lasted_s", "They agree again, within 2.5 s for 10 s."),
)

KEYS = (
    Kind(
        "agent_gone",
        "crit",
        "address agent reason",
        "The exchange no longer knows the agent whose key signs.",
        "Approve another: `gridbot keys rotate`, see docs/keys.md.",
        True,
    ),
    Kind(
        "agent_expiring",
        "warn crit",
        "address agent valid_until left reason",
        "The agent's approval ends soon.",
        "`gridbot keys rotate`, see docs/keys.md.",
        True,
    ),
    Kind("key_rotated", "warn", "before now agent by", "Another agent's key signs from now on.", "", True),
    Kind(
        "rotation_waits",
        "warn",
        "now waits reason",
        "A start has found the key of a rotation that was broken off; its agent isn't approved, so the present key signs.",
        "The same `gridbot keys rotate` goes on where it was, see docs/keys.md.",
        True,
    ),
)

LOG = (
    Kind(
        "scrape_failed",
        "warn",
        "path reason count",
        "The metrics server could not make so many answers of that path since the line before (at most one a minute).",
        "Report it, with `gridbot support-bundle`.",
    ),
    Kind(
        "observer_failed",
        "crit",
        "reason",
        "The log, standard output or another observer fails.",
        "`reason` says at what.",
        True,
        "event_bus_handler_error",
    ),
    Kind(
        "output_lost",
        "warn",
        "count",
        "Only on standard output: its reader was too slow for so many events; the log has them.",
    ),
    Kind(
        "events_suppressed",
        "info",
        "name count since_ms",
        "Only in the log: so many more of this name came within a minute than are written.",
    ),
    Kind(
        "log_gap",
        "warn",
        "left_out",
        "Only in the log: so many events were left out while the disk was nearly full; records were kept.",
        "Make space.",
    ),
)
