"""Read a Sessyn vault: python3 read_vault.py REPOSITORY OUTPUT < key.json

The key document is {"epoch": 1, "key": "<hex>"} or {"passphrase": "..."}. Every check of the specification is made,
the newest version is written into OUTPUT, which must not exist, and one JSON document on standard output says what was
checked.
"""

import json
import sys
from pathlib import Path
from typing import Any

import passphrase
from errors import Refused, require
from index import FILE, FOLDER, LINK, Entry
from primitives import EpochKey
from repository import Repository
from restore import restore
from vault import KeySource, Vault

TYPES = {FILE: "file", LINK: "link", FOLDER: "folder"}


def read_vault(repository: str, output: Path, key_source: KeySource) -> dict[str, Any]:
    """Check everything, restore the newest version, and report."""
    require(not output.exists(), "OUTPUT_EXISTS", "the output folder exists already")
    with Repository(repository) as opened:
        vault = Vault(opened, key_source)
        newest = vault.newest()
        vault.history(newest)
        restore(newest.entries, output, lambda entry: vault.content(newest, entry))
        counts = vault.checked.counts
        counts["files"] = sum(entry.type == FILE for entry in newest.entries)
        names = {machine: member.name.open(newest.keys[member.name.epoch], machine)
                 for machine, member in newest.log.members.items()}
        return {
            "workspace": vault.workspace,
            "version": newest.header.sequence,
            "epoch": newest.header.epoch,
            "checked": dict(sorted(counts.items())),
            "machines": [{"id": machine, "name": names[machine], "state": member.state}
                         for machine, member in newest.log.members.items()],
            "files": [describe(entry) for entry in newest.entries],
        }


def describe(entry: Entry) -> dict[str, Any]:
    listed = {"path": entry.path, "type": TYPES[entry.type], "mode": f"{entry.mode:03o}"}
    if entry.type == FILE:
        return {**listed, "size": entry.size, "sha256": entry.hash.hex()}
    return {**listed, "target": entry.target} if entry.type == LINK else listed


def parse_key(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Refused("KEY_INVALID", "standard input holds no JSON") from None


def key_source(document: Any) -> KeySource:
    """Where the key of the current epoch comes from: the key document says."""
    if isinstance(document, dict) and isinstance(document.get("passphrase"), str):
        return lambda log, vault_file: passphrase.open_workspace(document["passphrase"], log, vault_file)
    try:
        key = EpochKey(bytes.fromhex(document["key"]), int(document["epoch"]))
    except (KeyError, TypeError, ValueError):
        raise Refused("KEY_INVALID", 'the key document is neither a key nor a passphrase') from None

    def current(log: Any, _: Any) -> EpochKey:
        require(key.epoch == log.epoch, "KEY_INVALID", f"the vault is at epoch {log.epoch}, the key of {key.epoch}")
        return key

    return current


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("usage: read_vault.py REPOSITORY OUTPUT < key.json", file=sys.stderr)
        return 1
    try:
        source = key_source(parse_key(sys.stdin.read()))
        report = read_vault(arguments[0], Path(arguments[1]), source)
    except (Refused, OSError) as error:
        print(f"read_vault: {error}", file=sys.stderr)
        return 1
    print(json.dumps(report, indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
