"""The operator's desk: commands come in, procedures run, each ends with a sentence. One id acts once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.commands import KEEP_ORDERS, OF_THE_DOOR, PREVIEWS, Action, Command, Origin
from core.domain.effects import AskOpenOrders, Effect, SaveAction, Severity, notify
from core.domain.events import Event
from core.engine.breaker_desk import ResetBreakers, reset_refusal
from core.engine.cancel_all import CancelAll, CancelAllPreview
from core.engine.circuit_breaker import BreakerName
from core.engine.coin import Coin
from core.engine.flatten import Flatten
from core.engine.flatten_all import FlattenAll
from core.engine.flatten_desk import flatten_ended, flatten_refusal, flattens, look_at_books, new_flatten
from core.engine.foreign import Sweep
from core.engine.grid_desk import SET, SET_PREVIEWS, change_grid, change_text, changes_nothing, set_refusal
from core.engine.halts import FLATTEN, OPERATOR
from core.engine.intents import cancel_grid
from core.engine.margin_desk import AddMargin, amount_micro, margin_refusal, preview_text
from core.engine.operator_log import STARTED, OperatorLog
from core.engine.parking import park, park_refusal, unpark
from core.engine.procedures import Halt, HaltPace, Poll, Procedure, ReconnectFeed, Resync
from core.engine.reconciling import Reconcile
from core.engine.risk_watch import resume_refusal
from core.engine.stop import Stop
from core.view import DRIFT_ALERT_PCT, CommandStatus

if TYPE_CHECKING:
    from core.engine.engine import Engine

COMMANDS_KEPT, PREVIEWS_KEPT = 64, 16
"""Each pushes out its like alone: a dialog that looks again and again must not let a script's id act twice."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command."""

    command: Command
    status: CommandStatus
    text: str
    time_ms: int
    is_idle: bool = False
    """Of a preview: the command would change nothing."""


@dataclass(slots=True)
class OperatorDesk:
    running: list[Procedure] = field(default_factory=list)
    outcomes: OrderedDict[str, Outcome] = field(default_factory=OrderedDict)
    log: OperatorLog = field(default_factory=OperatorLog)
    pace: HaltPace = field(default_factory=HaltPace)
    unwritten: frozenset[str] = frozenset()
    """Commands of which a row is not in the journal yet."""

    def told(self, id_: str) -> Outcome | None:
        """What anybody may be told of a command: one whose end a crash could still undo has not ended."""
        found = self.outcomes.get(id_)
        if found is None or found.status is CommandStatus.RUNNING or id_ not in self.unwritten:
            return found
        return replace(
            found,
            status=CommandStatus.RUNNING,
            text=f"{found.status}, but not in the journal yet: {found.text}",
        )

    @property
    def stopping(self) -> Stop | None:
        return next((p for p in self.running if isinstance(p, Stop)), None)

    def is_flattening(self, coin: str) -> bool:
        return any(name == coin for name, _ in flattens(self.running))

    def receive(self, engine: Engine, command: Command, now: Instant) -> list[Effect]:
        """Begin what a command asks for, or refuse it with the reason."""
        if command.id in self.outcomes:
            return []
        coins = _scope(engine, command)
        if command.action is Action.FLATTEN and not command.coin and len(coins) == 1:
            command = replace(command, coin=coins[0].name)
        if command.coin and coins:
            command = replace(command, coin=coins[0].name)
        if command.action not in PREVIEWS:
            self.log.came_in(engine, command, coins)
        refusal = command.refusal or self._refusal(engine, command, coins, now)
        if refusal:
            return self.log.written(
                engine, self._conclude(command, CommandStatus.REFUSED, refusal, now), coins
            )
        return self.log.written(engine, self._act(engine, command, coins, now), coins)

    def _act(self, engine: Engine, command: Command, coins: list[Coin], now: Instant) -> list[Effect]:
        """What was not refused."""
        match command.action:
            case Action.FLATTEN_PREVIEW:
                self._record(command, CommandStatus.DONE, "the book is read", now)
                return look_at_books(coins, now)
            case Action.HALT | Action.FLATTEN:
                return self._clear_grid(engine, command, coins, now)
            case Action.RESUME:
                return self._resume(engine, command, coins, now)
            case Action.STOP:
                return self.begin_stop(command.asked_by, now, command)
            case Action.RESYNC:
                resync = Resync(command, now.mono_ms)
                return resync.start(coins) + self._begin(resync, now)
            case Action.RECONNECT:
                reconnect = ReconnectFeed(command, now.mono_ms, old_generation=engine.feed.generation)
                return reconnect.start(coins) + self._begin(reconnect, now)
            case Action.MARGIN_PREVIEW | Action.MARGIN_ADD:
                return self._add_margin(command, coins[0], now)
            case Action.SET_SPACING_PREVIEW | Action.SET_LEVELS_PREVIEW:
                return self._change_grid(command, coins, now, is_preview=True)
            case Action.SET_SPACING | Action.SET_LEVELS:
                return self._change_grid(command, coins, now)
            case Action.POLL:
                poll = Poll(command, now.mono_ms)
                return poll.start(now) + self._begin(poll, now)
            case Action.CANCEL_ALL_PREVIEW:
                preview = CancelAllPreview(command, now.mono_ms, instance=engine.instance)
                return [AskOpenOrders(command.id), *self._begin(preview, now)]
            case Action.CANCEL_ALL:
                return self._cancel_all(engine, command, coins, now)
            case Action.PARK | Action.UNPARK:
                is_park = command.action is Action.PARK
                out, text = park(command, coins, now) if is_park else unpark(command, coins)
                return out + self._conclude(command, CommandStatus.DONE, text, now)
            case Action.RESET_BREAKER:
                reset = ResetBreakers.of(engine, command, now)
                return reset.start() + self._begin(reset, now)
            case Action.ACKNOWLEDGE:
                known = engine.alerts.acknowledge(now)
                text = f"known for 15 minutes: {', '.join(known)}"
                return self._conclude(command, CommandStatus.DONE, text, now)
            case Action.ATTACH | Action.DETACH | Action.TAKE_CONTROL | Action.ROTATE_KEY:
                return self._conclude(command, CommandStatus.DONE, command.value, now)
            case Action.RECONCILE | Action.ACCEPT:
                accepts = command.action is Action.ACCEPT
                reconcile = Reconcile(command, now.mono_ms, accept=accepts)
                return reconcile.start(now) + self._begin(reconcile, now)

    def _clear_grid(self, engine: Engine, command: Command, coins: list[Coin], now: Instant) -> list[Effect]:
        """Halt, then take our orders back; a flatten closes what is held besides. A session's own flatten halts nothing."""
        is_halt, scope = command.action is Action.HALT, coins[0] if command.coin else None
        out = self._take_over(coins, command, now)
        if is_halt or command.origin is not Origin.SESSION:
            out += engine.latch(scope, OPERATOR if is_halt else FLATTEN)
        again = not is_halt or self.pace.sends_again(command.coin, now)
        out += [e for c in coins for e in cancel_grid(c, now, again=again)]
        if is_halt:
            return out + self._begin(Halt(command, now.mono_ms, pace=self.pace), now)
        procedure, reads = new_flatten(engine, command, coins, now)
        return [*out, *reads, *self._begin(procedure, now)]

    def _cancel_all(self, engine: Engine, command: Command, coins: list[Coin], now: Instant) -> list[Effect]:
        out = [*self._take_over(coins, command, now), *engine.latch(None, OPERATOR)]
        out += [e for c in coins for e in cancel_grid(c, now, again=True)]
        procedure = CancelAll(command, now.mono_ms, sweep=Sweep("cancel_all", engine.instance))
        return out + self._begin(procedure, now)

    def _resume(self, engine: Engine, command: Command, coins: list[Coin], now: Instant) -> list[Effect]:
        whole = None if engine.halted or not command.coin else coins[0]
        engine.breakers[BreakerName.AUTH].end_cooldown(now)
        out = engine.risk.resumed(engine.halted, now)
        out += [*engine.lift(whole, command.asked_by), *self._end_halts(coins, now)]
        return out + self._conclude(command, CommandStatus.DONE, "resumed: the grid is quoted again", now)

    def _change_grid(
        self, command: Command, coins: list[Coin], now: Instant, is_preview: bool = False
    ) -> list[Effect]:
        text = "; ".join(change_text(c, command, now) for c in coins)
        out = [] if is_preview else [e for c in coins for e in change_grid(c, command, now)]
        is_idle = all(changes_nothing(c, command, now) for c in coins) if is_preview else False
        out += self._conclude(command, CommandStatus.DONE, text, now)
        if is_idle:
            self.outcomes[command.id] = replace(self.outcomes[command.id], is_idle=True)
        return out

    def _add_margin(self, command: Command, coin: Coin, now: Instant) -> list[Effect]:
        micro = amount_micro(command.value)
        if command.action is Action.MARGIN_PREVIEW:
            return self._conclude(command, CommandStatus.DONE, preview_text(coin, micro), now)
        adding = AddMargin(command, now.mono_ms, micro=micro, before=coin.held)
        return adding.start() + self._begin(adding, now)

    def begin_stop(
        self, reason: str, now: Instant, command: Command | None = None, at_once: bool = False
    ) -> list[Effect]:
        """``command``: the operator's, if it was one and no signal. ``at_once``: one that is under way waits no longer."""
        if self.stopping:
            self.stopping.hurried_by = self.stopping.hurried_by or (reason if at_once else "")
            return []
        out: list[Effect] = [notify("stopping", "info", "", reason=reason)]
        for procedure in self.running:
            text = (
                f"interrupted by the stop: {procedure.text}" if procedure.text else "interrupted by the stop"
            )
            out += self._conclude(procedure.command, CommandStatus.FAILED, text, now)
        self.running = []
        if command is not None:
            return out + self._begin(Stop(command, now.mono_ms, keeps=command.value == KEEP_ORDERS), now)
        self.running.append(Stop(Command("stop", Action.STOP, origin=Origin.STOP), now.mono_ms))
        return out

    def _tell_of_stop(self, engine: Engine, stop: Stop, coins: list[Coin], now: Instant) -> list[Effect]:
        """What became of one that an operator asked for: it stays among what runs until the process ends."""
        found = self.outcomes.get(stop.command.id)
        if found is None or found.status is not CommandStatus.RUNNING:
            return []
        if not stop.done:
            self._record(stop.command, CommandStatus.RUNNING, stop.text, now)
            return []
        status = CommandStatus.DONE if stop.is_clean else CommandStatus.FAILED
        return self.log.written(engine, self._conclude(stop.command, status, stop.sentence, now), coins)

    def advance(self, engine: Engine, event: Event, now: Instant) -> list[Effect]:
        """Let every running procedure look at the event and the state after it."""
        out: list[Effect] = []
        for procedure in list(self.running):
            coins = _scope(engine, procedure.command)
            if isinstance(procedure, Stop) and not procedure.done:
                procedure.switch = engine.dead_man.left(procedure, now)
            out += procedure.advance(coins, event, now)
            if isinstance(procedure, Stop):
                out += self._tell_of_stop(engine, procedure, coins, now)
                continue
            if procedure.done:
                self.running.remove(procedure)
                status = CommandStatus.FAILED if procedure.failed else CommandStatus.DONE
                if isinstance(procedure, Flatten | FlattenAll):
                    flatten_ended(procedure, (c for c in coins if not self.is_flattening(c.name)))
                ended = self._conclude(procedure.command, status, procedure.text, now)
                out += self.log.written(engine, ended, coins)
            else:
                self._record(procedure.command, CommandStatus.RUNNING, procedure.text, now)
        return out

    def _end_halts(self, coins: list[Coin], now: Instant) -> list[Effect]:
        """A halt that still waits for cancels when the grid is resumed would wait for the new orders too; a cancel of all
        would go on to cancel what others place from now on.
        """
        out: list[Effect] = []
        for procedure in [p for p in self.running if isinstance(p, Halt | CancelAll)]:
            if not procedure.command.coin or procedure.command.coin in [coin.name for coin in coins]:
                self.running.remove(procedure)
                text = "resumed before every cancel was confirmed"
                out += self._conclude(procedure.command, CommandStatus.FAILED, text, now)
        return out

    def of_session(self, coin: str) -> list[Procedure]:
        """A flatten for a session that closes, which halts nothing."""
        return [
            p
            for p in self.running
            if isinstance(p, Flatten) and p.command.coin == coin and p.command.origin is Origin.SESSION
        ]

    def _take_over(self, coins: list[Coin], command: Command, now: Instant) -> list[Effect]:
        """Who halts or flattens takes what a session does out of its hands; who flattens all, what is flattened by itself."""
        out: list[Effect] = []
        taken = [p for coin in coins for p in self.of_session(coin.name)]
        if command.action is Action.FLATTEN and not command.coin:
            taken = [p for p in self.running if isinstance(p, Flatten)]
        for procedure in taken:
            self.running.remove(procedure)
            out += self._conclude(
                procedure.command, CommandStatus.FAILED, f"taken over by {command.asked_by}", now
            )
        return out

    def _refusal(self, engine: Engine, command: Command, coins: list[Coin], now: Instant) -> str:
        traded = ", ".join(engine.coins)
        if not coins:
            return f"{command.coin} is not traded here; coins: {traded}"
        if command.action in OF_THE_DOOR:
            return ""
        if self.stopping:
            return "the bot is stopping"
        if command.action is Action.STOP and (command.coin or command.value not in ("", KEEP_ORDERS)):
            return "a stop ends every coin, and keeps the grid's orders or cancels them; halt one coin by its name"
        if command.action is Action.FLATTEN:
            return flatten_refusal(engine, command, coins)
        if command.action in (Action.CANCEL_ALL, Action.CANCEL_ALL_PREVIEW) and command.coin:
            return "cancel-all takes every coin of the account; flatten or halt one coin by its name"
        if command.action in (Action.PARK, Action.UNPARK):
            return park_refusal(command, coins)
        if command.action is Action.RESET_BREAKER:
            return reset_refusal(engine, now)
        if command.action is Action.ACKNOWLEDGE and not engine.alerts.known:
            return "no alert holds now"
        if command.action in (*SET, *SET_PREVIEWS):
            return next((why for c in coins if (why := set_refusal(c, command, now))), "")
        if command.action in (Action.MARGIN_PREVIEW, Action.MARGIN_ADD):
            return margin_refusal(coins[0], command.value) if command.coin else f"name the coin: {traded}"
        if command.action is Action.ACCEPT and any(isinstance(p, Reconcile) for p in self.running):
            return "a reconciliation is under way; wait for its end"
        if command.action is Action.RESUME:
            return self._resume_refusal(engine, coins, now)
        return ""

    def _resume_refusal(self, engine: Engine, coins: Iterable[Coin], now: Instant) -> str:
        coins = list(coins)
        if not engine.halted and not any(coin.halted for coin in coins):
            return "nothing is halted"
        if engine.halted and len(coins) < len(engine.coins):
            return "every coin is halted: resume them all, without naming a coin"
        if any(self.is_flattening(coin.name) for coin in coins):
            return "a flatten is under way; wait for its end"
        if not engine.feed.ready:
            return (
                "no live connection to the exchange; reconnect (key W, `gridbot reconnect`), then try again"
            )
        breaker = engine.breakers.stopping(now)
        if breaker and breaker.name is not BreakerName.AUTH:  # resuming is what ends that one
            return f"the circuit breaker {breaker.name.value} is open: {breaker.reason}"
        for coin in coins:
            drift = coin.ledger.drift
            if drift.declared and drift.is_above(DRIFT_ALERT_PCT):
                return (
                    f"{coin.name} drifts by {drift.pct:.2f} % (limit {DRIFT_ALERT_PCT} %); press R (`gridbot resync`), which "
                    "reads all fills since both sides agreed; once you know why it stays A (`gridbot reconcile --accept`), "
                    "then try again"
                )
        return resume_refusal(engine, coins)

    def _begin(self, procedure: Procedure, now: Instant) -> list[Effect]:
        self.running.append(procedure)
        self._record(procedure.command, CommandStatus.RUNNING, procedure.text, now)
        return [SaveAction(procedure.command, STARTED)] if procedure.command.action not in PREVIEWS else []

    def _conclude(self, command: Command, status: CommandStatus, text: str, now: Instant) -> list[Effect]:
        self._record(command, status, text, now)
        if command.action in PREVIEWS:
            return []
        severity: Severity = "info" if status is CommandStatus.DONE else "warn"
        by = command.by
        asked = {"action": command.action.value, "origin": command.origin.value, "value": command.value}
        who = {"user": by.user, "client": by.client, "tty": by.tty, "via": by.via}
        fields = {**asked, **who, "outcome": status.value, "text": text}
        return [
            SaveAction(command, f"{status}: {text}"),
            notify("operator", severity, command.coin, **fields, id=command.id),
        ]

    def _record(self, command: Command, status: CommandStatus, text: str, now: Instant) -> None:
        if command.id not in self.outcomes:
            is_look = command.action in PREVIEWS
            alike = [id_ for id_, o in self.outcomes.items() if (o.command.action in PREVIEWS) is is_look]
            for id_ in alike[: 1 - (PREVIEWS_KEPT if is_look else COMMANDS_KEPT)]:
                del self.outcomes[id_]
        self.outcomes[command.id] = Outcome(command, status, text, now.wall_ms)


def _scope(engine: Engine, command: Command) -> list[Coin]:
    """The coins that a command is about; its coin in any case."""
    if not command.coin:
        return list(engine.coins.values())
    return [coin for name, coin in engine.coins.items() if name.lower() == command.coin.lower()]
