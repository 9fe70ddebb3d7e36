"""The trust log, who may write and since when: docs/spec/trust.md."""

import copy
from dataclasses import dataclass, field
from typing import Any

import canonical
import envelope
from canonical import INVALID, MACHINE_ID, MAX_INTEGER, WORKSPACE_ID
from envelope import Envelope, Key, Signature
from errors import require
from primitives import EpochKey
from records import (Machine, MachineRecord, PassphraseEntry, SealedName, decode_machine, decode_passphrase,
                     decode_policy, decode_record)

MAX_ENTRIES, MAX_TRUSTED, MAX_EPOCHS = 65_536, 256, 4_096
RESERVED, MAX_LOG_BYTES = 512, 33_554_432
COMMON_FIELDS = "format kind sequence previous workspace epoch writer time"
FURTHER_FIELDS = {
    "genesis": "machine passphrase commitment policy",
    "approve": "machine request header",
    "revoke": "machines reason commitment passphrase",
    "delete": "machine",
    "rekey": "record proof",
    "passphrase": "passphrase",
    "epoch": "commitment",
    "policy": "policy",
    "recover": "machine commitment passphrase",
}


@dataclass
class Entry:
    """One entry, of good form; what its kind does not have is None or empty."""

    envelope: Envelope
    kind: str
    sequence: int
    previous: bytes | None
    workspace: str | None
    epoch: int
    writer: str | None
    machine: Machine | None = None
    machines: list[str] = field(default_factory=list)
    record: MachineRecord | None = None
    proof: list[Signature] = field(default_factory=list)
    passphrase: PassphraseEntry | None = None
    commitment: bytes | None = None
    policy: str | None = None


@dataclass
class Member:
    """A machine as the log knows it after some entry."""

    record: MachineRecord
    name: SealedName
    state: str = "trusted"  # or "revoked", or "deleted"


@dataclass
class TrustLog:
    """A verified log: only `append` changes it."""

    entries: list[Entry] = field(default_factory=list)
    workspace: str = ""
    epoch: int = 0
    policy: str = "classical"
    passphrase: PassphraseEntry | None = None
    members: dict[str, Member] = field(default_factory=dict)
    commitments: dict[int, bytes] = field(default_factory=dict)
    spent: set[bytes] = field(default_factory=set)
    size: int = 0  # of all envelopes

    @property
    def head(self) -> bytes:
        return self.entries[-1].envelope.hash

    @property
    def hashes(self) -> list[bytes]:
        return [entry.envelope.hash for entry in self.entries]

    def trusted(self) -> dict[str, Member]:
        return {machine: member for machine, member in self.members.items() if member.state == "trusted"}

    def is_trusted(self, machine: str | None) -> bool:
        return machine in self.members and self.members[machine].state == "trusted"

    def goes_on_from(self, other: "TrustLog") -> bool:
        return self.hashes[: len(other.entries)] == other.hashes

    def after(self, data: bytes) -> "TrustLog":
        """This log with one more entry."""
        longer = copy.copy(self)
        longer.entries, longer.spent = list(self.entries), set(self.spent)
        longer.members = {machine: copy.copy(member) for machine, member in self.members.items()}
        longer.commitments = dict(self.commitments)
        longer.append(data)
        return longer

    def check_macs(self, keys: dict[int, EpochKey]) -> int:
        """Check the MAC of every entry, for members; how many there are."""
        for entry in self.entries:
            holds = entry.envelope.maced_by(keys[entry.epoch], self.workspace)
            require(holds, "MAC_INVALID", f"MAC of trust entry {entry.sequence} is wrong")
        return len(self.entries)

    def append(self, data: bytes) -> None:
        """Verify one further entry, by the table "What a reader MUST refuse", and apply it.

        The order is the table's, but for "machine known already": the vectors want it before "used before".
        """
        entry = decode_entry(data)
        require(len(self.entries) < MAX_ENTRIES, canonical.LIMIT, f"trust log has more than {MAX_ENTRIES} entries")
        self._check_chain(entry)
        _refuse_unless(entry, entry.envelope.signed_by(self._signers(entry)), "not signed by exactly the keys it needs")
        opens_epoch = entry.commitment is not None
        _refuse_unless(entry, entry.epoch == self.epoch + opens_epoch, "wrong epoch")
        require(entry.epoch <= MAX_EPOCHS, canonical.LIMIT, f"trust log has more than {MAX_EPOCHS} epochs")
        self.size += len(data)
        room = has_room(entry.kind, entry.sequence, entry.epoch, self.size)
        _refuse_unless(entry, room, "room left for revocations only")
        if entry.kind == "genesis":
            own = entry.writer == entry.machine.record.machine_id
            _refuse_unless(entry, own, "writer is not the machine of genesis")
        if entry.machine:
            known = entry.machine.record.machine_id in self.members
            _refuse_unless(entry, not known, "machine known already")
        self._spend(entry)
        self._apply_machines(entry)
        self._apply_passphrase(entry)
        self._apply_policy(entry)
        if entry.commitment is not None:
            self.commitments[entry.epoch] = entry.commitment
        self.epoch = entry.epoch
        self.entries.append(entry)

    def _check_chain(self, entry: Entry) -> None:
        first = not self.entries
        _refuse_unless(entry, (entry.kind == "genesis") == first, "log does not begin with genesis")
        _refuse_unless(entry, entry.sequence == len(self.entries) + 1, "sequence broken")
        if first:
            self.workspace = canonical.base32(entry.envelope.hash, 26)
            return
        _refuse_unless(entry, entry.previous == self.head, "chain broken")
        _refuse_unless(entry, entry.workspace == self.workspace, "another workspace")
        if entry.kind != "recover":
            _refuse_unless(entry, self.is_trusted(entry.writer), "writer not trusted")

    def _signers(self, entry: Entry) -> list[Key]:
        """Which keys must sign an entry: the table "Who signs"."""
        new = entry.passphrase.recovery_keys if entry.passphrase else []
        if entry.kind == "recover":
            return self.passphrase.old_recovery_keys + new if new else self.passphrase.recovery_keys
        record = entry.machine.record if entry.kind == "genesis" else self.members[entry.writer].record
        return record.signing + new

    def _spend(self, entry: Entry) -> None:
        """No public key, Argon2id salt or commitment comes twice."""
        values = [entry.commitment] if entry.commitment else []
        for record in (entry.machine.record if entry.machine else None, entry.record):
            values += record.public_keys if record else []
        values += entry.passphrase.spent if entry.passphrase else []
        for value in values:
            _refuse_unless(entry, value not in self.spent, "key, salt or commitment used before")
            self.spent.add(value)

    def _apply_machines(self, entry: Entry) -> None:
        if entry.kind == "recover":
            for member in self.trusted().values():
                member.state = "revoked"
        if entry.machine:
            self._let_in(entry, entry.machine)
        if entry.kind == "revoke":
            for machine in entry.machines:
                _refuse_unless(entry, self.is_trusted(machine), "machine not trusted")
                _refuse_unless(entry, machine != entry.writer, "machine revokes itself")
                self.members[machine].state = "revoked"
        if entry.kind == "delete":
            for machine in entry.machines:
                revoked = machine in self.members and self.members[machine].state == "revoked"
                _refuse_unless(entry, revoked, "machine not revoked")
                self.members[machine].state = "deleted"
        if entry.record:
            self._rekey(entry, entry.record)

    def _let_in(self, entry: Entry, machine: Machine) -> None:
        policy = entry.policy or self.policy
        _refuse_unless(entry, policy == "classical" or machine.record.post_quantum, "keys do not meet the policy")
        _refuse_unless(entry, machine.name.epoch <= entry.epoch, "name sealed under a later epoch")
        self.members[machine.record.machine_id] = Member(machine.record, machine.name)
        _refuse_unless(entry, len(self.trusted()) <= MAX_TRUSTED, "too many machines")

    def _rekey(self, entry: Entry, record: MachineRecord) -> None:
        member = self.members[entry.writer]
        _refuse_unless(entry, self.policy == "classical" or record.post_quantum, "keys do not meet the policy")
        weaker = member.record.post_quantum and not record.post_quantum
        _refuse_unless(entry, not weaker, "new keys weaker than the old")
        about = self.workspace.encode() + entry.writer.encode() + entry.previous + record.hash
        proven = envelope.all_signed(record.signing, entry.proof, b"sessyn/v1/rekey\0" + about)
        _refuse_unless(entry, proven, "new keys did not sign")
        member.record = record

    def _apply_passphrase(self, entry: Entry) -> None:
        if entry.passphrase is None:
            return
        old, new = self.passphrase, entry.passphrase
        cheaper = old is not None and (new.memory_kib < old.memory_kib or new.passes < old.passes)
        _refuse_unless(entry, not cheaper, "passphrase cheaper to guess than before")
        self.passphrase = new

    def _apply_policy(self, entry: Entry) -> None:
        if entry.kind == "policy":
            stricter = (self.policy, entry.policy) == ("classical", "hybrid")
            _refuse_unless(entry, stricter, "policy not stricter")
            met = all(member.record.post_quantum for member in self.trusted().values())
            _refuse_unless(entry, met, "a machine does not meet the new policy")
        self.policy = entry.policy or self.policy


def has_room(kind: str, sequence: int, epoch: int, size: int) -> bool:
    """Whether an entry that ends such a log leaves room for revocations; `size` is that of all envelopes."""
    if kind in ("revoke", "recover"):
        return True
    if sequence > MAX_ENTRIES - RESERVED or size > MAX_LOG_BYTES:
        return False
    return kind not in ("approve", "epoch") or epoch <= MAX_EPOCHS - RESERVED


def verify_log(entries: list[bytes]) -> TrustLog:
    """Verify a whole log but for its MACs."""
    require(len(entries) > 0, "TRUST_LOG_INVALID", "no entries")
    log = TrustLog()
    for data in entries:
        log.append(data)
    return log


def decode_entry(data: bytes) -> Entry:
    """Read one entry for its form alone."""
    outer = envelope.decode(data, "trust")
    value = outer.document("trust")
    if isinstance(value.get("format"), int) and value["format"] <= 1:
        require("kind" in value, INVALID, "trust entry lacks the field kind")
        canonical.choice(value["kind"], " ".join(FURTHER_FIELDS), "kind of trust entry")
    kind = value.get("kind")
    canonical.fields(value, f"{COMMON_FIELDS} {FURTHER_FIELDS.get(kind, '')}", "trust entry")
    first = kind == "genesis"
    for name in ("previous", "workspace"):
        require((value[name] is None) == first, INVALID, f"{name} is null in genesis and only there")
    require((value["writer"] is None) == (kind == "recover"), INVALID, "writer is null in recover and only there")
    canonical.integer(value["time"], 0, MAX_INTEGER, "time")
    entry = Entry(
        outer,
        kind,
        canonical.integer(value["sequence"], 1, MAX_INTEGER, "sequence"),
        None if first else canonical.octets(value["previous"], 32, "previous"),
        None if first else canonical.matching(value["workspace"], WORKSPACE_ID, "workspace"),
        canonical.integer(value["epoch"], 1, 2**32 - 1, "epoch"),
        None if kind == "recover" else canonical.matching(value["writer"], MACHINE_ID, "writer"),
    )
    _decode_further(entry, value)
    return entry


def _decode_further(entry: Entry, value: dict[str, Any]) -> None:
    kind = entry.kind
    if kind in ("genesis", "approve", "recover"):
        entry.machine = decode_machine(value["machine"])
    if kind == "approve":
        canonical.octets(value["request"], 32, "request")
        canonical.octets(value["header"], 32, "header")
    if kind == "delete":
        entry.machines = [canonical.matching(value["machine"], MACHINE_ID, "machine")]
    if kind == "revoke":
        listed = canonical.listed(value["machines"], MAX_TRUSTED, "machines")
        entry.machines = [canonical.matching(machine, MACHINE_ID, "machine") for machine in listed]
        require(len(listed) > 0, INVALID, "revoke of nobody")
        require(entry.machines == sorted(set(entry.machines)), INVALID, "machines do not ascend")
        reason = canonical.choice(value["reason"], "lost retired", "reason")
        require(reason == "retired" or value["passphrase"] is not None, INVALID, "lost without a new passphrase")
    if kind == "rekey":
        entry.record = decode_record(value["record"])
        entry.proof = envelope.decode_signatures(value["proof"], "proof")
    if "commitment" in value:
        entry.commitment = canonical.octets(value["commitment"], 32, "commitment")
    optional = kind in ("revoke", "recover")
    if "passphrase" in value and not (optional and value["passphrase"] is None):
        entry.passphrase = decode_passphrase(value["passphrase"])
    if "policy" in value:
        entry.policy = decode_policy(value["policy"])


def _refuse_unless(entry: Entry, holds: bool, reason: str) -> None:
    where = f"trust entry {entry.sequence}: "
    require(holds, "TRUST_LOG_INVALID", where + reason)
