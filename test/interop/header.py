"""The header, the one statement of what a version is: docs/spec/header.md."""

from dataclasses import dataclass
from typing import Any

import canonical
import envelope
from canonical import INVALID, MACHINE_ID, MAX_INTEGER, WORKSPACE_ID
from envelope import Envelope
from errors import require
from primitives import EpochKey
from trust import TrustLog

MAX_LEAP = 2**24
MAX_MACHINES = MAX_SHARDS = MAX_INBOX = 1024
FIELDS = ("format workspace kind sequence previous writer machines epoch trust vault index inbox "
          "tombstoneFloor historyFloor supersedes time")


@dataclass(frozen=True)
class Counter:
    counter: int
    head: bytes | None


@dataclass(frozen=True)
class ObjectName:
    """What the header says of an object: its SHA-256 and its size."""

    sha256: bytes
    size: int


@dataclass(frozen=True)
class InboxItem:
    machine: str
    id: bytes
    object: ObjectName


@dataclass(frozen=True)
class Header:
    envelope: Envelope
    workspace: str
    kind: str
    sequence: int
    previous: bytes | None
    writer: str
    machines: dict[str, Counter]
    epoch: int
    trust_length: int
    trust_head: bytes
    vault: bytes
    shards: list[ObjectName]
    inbox: list[InboxItem]
    tombstone_floor: int
    history_floor: int
    supersedes: bytes | None

    @property
    def hash(self) -> bytes:
        return self.envelope.hash

    def last_header_of(self, machine: str) -> bytes | None:
        """The machine's last header once this one is written."""
        return self.hash if machine == self.writer else self.machines[machine].head

    def believe(self, log: TrustLog) -> None:
        """Refuse what is wrong in the header itself, but for its MAC: "Belief", "In itself"."""
        member = log.members.get(self.writer)
        known = {machine for machine, member in log.members.items() if member.state != "deleted"}
        stated = (self.trust_length, self.trust_head)
        _refuse_unless(self.workspace == log.workspace, "another workspace")
        _refuse_unless(stated == (len(log.entries), log.head), "trust log is not the one in the tree")
        _refuse_unless(log.is_trusted(self.writer), "writer not trusted")
        signed = self.envelope.signed_by(member.record.signing)
        _refuse_unless(signed, "not signed by exactly the writer's keys")
        _refuse_unless(self.epoch == log.epoch, "epoch not current")
        _refuse_unless(known.issuperset(self.machines), "counter of an unknown machine")
        _refuse_unless(known.issuperset(item.machine for item in self.inbox), "inbox of an unknown machine")

    def check_mac(self, key: EpochKey) -> None:
        _refuse_unless(self.envelope.maced_by(key, self.workspace), "MAC wrong")


def decode(data: bytes) -> Header:
    """Read a header for its form alone."""
    outer = envelope.decode(data, "header")
    value = canonical.fields(outer.document("header"), FIELDS, "header")
    kind = canonical.choice(value["kind"], "sync trust compact repair", "kind of header")
    sequence = canonical.integer(value["sequence"], 1, MAX_INTEGER, "sequence")
    require(sequence > 1 or kind == "trust", INVALID, "the first header is not of kind trust")
    require((value["previous"] is None) == (sequence == 1), INVALID, "previous is null in the first header alone")
    require((value["supersedes"] is None) == (kind != "repair"), INVALID, "a repair, and it alone, supersedes")
    writer = canonical.matching(value["writer"], MACHINE_ID, "writer")
    trust = canonical.fields(value["trust"], "length head", "trust")
    canonical.integer(value["time"], 0, MAX_INTEGER, "time")
    return Header(
        outer,
        canonical.matching(value["workspace"], WORKSPACE_ID, "workspace"),
        kind,
        sequence,
        None if value["previous"] is None else canonical.octets(value["previous"], 32, "previous"),
        writer,
        _decode_machines(value["machines"], writer, sequence),
        canonical.integer(value["epoch"], 1, 2**32 - 1, "epoch"),
        canonical.integer(trust["length"], 1, 65_536, "length of the trust log"),
        canonical.octets(trust["head"], 32, "head of the trust log"),
        canonical.octets(value["vault"], 32, "vault"),
        _decode_shards(value["index"]),
        _decode_inbox(value["inbox"]),
        canonical.integer(value["tombstoneFloor"], 0, sequence, "tombstoneFloor"),
        canonical.integer(value["historyFloor"], 0, sequence, "historyFloor"),
        None if value["supersedes"] is None else canonical.octets(value["supersedes"], 32, "supersedes"),
    )


def _decode_machines(value: Any, writer: str, sequence: int) -> dict[str, Counter]:
    machines: dict[str, Counter] = {}
    for item in canonical.listed(value, MAX_MACHINES, "machines"):
        canonical.fields(item, "id counter head", "machine of the header")
        machine = canonical.matching(item["id"], MACHINE_ID, "machine id")
        counter = canonical.integer(item["counter"], 1, sequence, "counter")
        first = machine == writer and counter == 1
        require((item["head"] is None) == first, INVALID, "head is null for a writer's first header and only there")
        machines[machine] = Counter(counter, None if first else canonical.octets(item["head"], 32, "head"))
    order = [item["id"] for item in value]
    require(order == sorted(set(order)), INVALID, "machines do not ascend")
    require(writer in machines, INVALID, "writer has no counter")
    return machines


def _decode_shards(value: Any) -> list[ObjectName]:
    canonical.fields(value, "count shards", "index")
    count = canonical.integer(value["count"], 1, MAX_SHARDS, "number of shards")
    require(count & (count - 1) == 0, INVALID, "number of shards is no power of two")
    table = canonical.octets(value["shards"], 36 * count, "shards")
    rows = [table[at : at + 36] for at in range(0, len(table), 36)]
    shards = [ObjectName(row[:32], int.from_bytes(row[32:], "big")) for row in rows]
    require(all(shard.size > 0 for shard in shards), INVALID, "a shard of no bytes")
    return shards


def _decode_inbox(value: Any) -> list[InboxItem]:
    items = []
    for item in canonical.listed(value, MAX_INBOX, "inbox"):
        canonical.fields(item, "machine id sha256 size", "inbox item")
        machine = canonical.matching(item["machine"], MACHINE_ID, "machine of the inbox")
        named = ObjectName(canonical.octets(item["sha256"], 32, "hash of an inbox item"),
                           canonical.integer(item["size"], 0, 2**32 - 1, "size of an inbox item"))
        items.append(InboxItem(machine, canonical.octets(item["id"], None, "id of an inbox item"), named))
    order = [(item.machine, item.id) for item in items]
    require(order == sorted(set(order)), INVALID, "inbox does not ascend")
    return items


def compare(seen: Header | None, seen_log: TrustLog | None, shown: Header, log: TrustLog,
            own: tuple[str, int] | None = None) -> tuple[str, str | None]:
    """What a client that has seen one header says to another: "Against what was seen". `own` is id and counter."""
    if seen is None:
        return "first", None
    if seen.hash == shown.hash:
        return "same", None
    verdict, doubt = _compare(seen, seen_log, shown, log, own)
    grew = shown.sequence > seen.sequence and log.goes_on_from(seen_log)
    if verdict == "forked" and shown.kind == "repair" and grew:
        return "repair", doubt
    return verdict, doubt


def _compare(seen: Header, seen_log: TrustLog, shown: Header, log: TrustLog,
             own: tuple[str, int] | None) -> tuple[str, str | None]:
    if not log.goes_on_from(seen_log) and not seen_log.goes_on_from(log):
        return "forked", "trust logs parted"
    if _contradict(seen, shown):
        return "forked", "two headers with one counter"
    deleted = {machine for machine, member in log.members.items() if member.state == "deleted"}
    before = {machine: one.counter for machine, one in seen.machines.items() if machine not in deleted}
    after = {machine: one.counter for machine, one in shown.machines.items()}
    fell = any(after.get(machine, 0) < counter for machine, counter in before.items())
    rose = any(before.get(machine, 0) < counter for machine, counter in after.items())
    if fell and not rose and shown.sequence <= seen.sequence:
        return "older", "counters behind"
    if fell:
        return "forked", "counters parted"
    if shown.sequence <= seen.sequence:
        return "forked", "sequence did not grow"
    follows = (shown.sequence == seen.sequence + 1, shown.previous == seen.hash)
    if shown.kind != "repair" and follows[0] != follows[1]:
        return "forked", "does not follow the header before"
    if len(log.entries) < len(seen_log.entries):
        return "older", "trust log behind"
    if own is not None and after.get(own[0], 0) > own[1]:
        return "restored", None
    return "newer", None


def _contradict(one: Header, other: Header) -> bool:
    """Whether both headers hold one counter of a machine with two different headers behind it."""
    for machine in one.machines.keys() & other.machines.keys():
        same_counter = one.machines[machine].counter == other.machines[machine].counter
        if same_counter and one.last_header_of(machine) != other.last_header_of(machine):
            return True
    return _does_not_go_on(one, other) or _does_not_go_on(other, one)


def _does_not_go_on(header: Header, before: Header) -> bool:
    """The writer's counter is one above that in the other header, but its head is not the last header there."""
    own, theirs = header.machines[header.writer], before.machines.get(header.writer)
    if theirs is None or own.counter != theirs.counter + 1:
        return False
    return own.head != before.last_header_of(header.writer)


def check_newer(seen: Header, shown: Header, log: TrustLog) -> None:
    """What a header that is newer, or a repair, must be refused for; `log` is the one it stands on."""
    _refuse_unless(shown.sequence <= seen.sequence + MAX_LEAP, "sequence leaps")
    if shown.previous == seen.hash:
        _refuse_unless(shown.machines == _counters_on_top(seen, log, shown.writer), "counters do not follow")
    if shown.kind == "repair":
        return
    floors = [(seen.tombstone_floor, shown.tombstone_floor), (seen.history_floor, shown.history_floor)]
    _refuse_unless(all(before <= after for before, after in floors), "floor went down")
    if shown.sequence != seen.sequence + 1:
        return
    grew = shown.trust_length > seen.trust_length
    _refuse_unless(grew == (shown.kind == "trust"), "kind contradicts the trust log")
    rose = any(before < after for before, after in floors)
    _refuse_unless(not rose or shown.kind == "compact", "only a compaction raises a floor")


def _counters_on_top(before: Header, log: TrustLog, writer: str) -> dict[str, Counter]:
    """The one vector that a header right after another may have."""
    after = {machine: Counter(one.counter, before.last_header_of(machine)) for machine, one in before.machines.items()}
    own = after.get(writer, Counter(0, None))
    kept = {machine: one for machine, one in after.items() if log.members[machine].state != "deleted"}
    return {**kept, writer: Counter(own.counter + 1, own.head)}


def _refuse_unless(holds: bool, reason: str) -> None:
    require(holds, "HEADER_INVALID", f"header: {reason}")
