"""The reader's parts against the vectors in test/vectors, most of which must be refused."""

import base64
import hashlib
import json
import unittest
from pathlib import Path
from typing import Any, Iterator

import envelope
import header
import index
import mldsa
import pack
import passphrase
import primitives
import trust
import vaultfile
import xwing
from errors import Refused
from primitives import EpochKey

VECTORS = Path(__file__).resolve().parent.parent / "vectors"


KEY_FIELDS = {"ed25519": "pk", "ecdsa-p256": "uncompressed"}


def load(name: str) -> Any:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


class Refusing(unittest.TestCase):
    def refused(self, code: str, reason: str | None, action: Any, *arguments: Any) -> None:
        """`reason` is compared if it is given and the code is one that comes with a reason of the specification."""
        with self.assertRaises(Refused) as caught:
            action(*arguments)
        self.assertEqual(caught.exception.code, code, caught.exception.reason)
        if reason is not None and code in ("TRUST_LOG_INVALID", "HEADER_INVALID"):
            self.assertIn(reason, caught.exception.reason)


class Signatures(unittest.TestCase):
    def run_file(self, algorithm: str, name: str) -> None:
        for group in load(f"crypto/{name}.json")["testGroups"]:
            public_key = group["publicKey"]
            if not isinstance(public_key, str):
                public_key = public_key[KEY_FIELDS[algorithm]]
            public_key = bytes.fromhex(public_key)
            for test in group["tests"]:
                message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
                s = int.from_bytes(signature[32:], "big")
                high_s = algorithm == "ecdsa-p256" and s > primitives.P256_ORDER // 2
                good = primitives.verify(algorithm, public_key, message, signature)
                if test["comment"] == "non-empty context":
                    continue  # Sessyn's context is empty
                with self.subTest(file=name, test=test["tcId"], comment=test["comment"]):
                    self.assertEqual(good, test["result"] == "valid" and not high_s)

    def test_ed25519(self) -> None:
        self.run_file("ed25519", "ed25519-rfc8032")
        self.run_file("ed25519", "ed25519-wycheproof")

    def test_ecdsa_p256(self) -> None:
        self.run_file("ecdsa-p256", "ecdsa-p256-rfc6979")
        self.run_file("ecdsa-p256", "ecdsa-p256-wycheproof")

    def test_ml_dsa_87(self) -> None:
        self.run_file("ml-dsa-87", "ml-dsa-87-sign-wycheproof")
        self.run_file("ml-dsa-87", "ml-dsa-87-verify-wycheproof")

    def test_ml_dsa_87_public_keys(self) -> None:
        for group in load("crypto/ml-dsa-87-sign-wycheproof.json")["testGroups"]:
            made = mldsa.public_key(bytes.fromhex(group["privateSeed"]))
            self.assertEqual(made.hex(), group["publicKey"])


class Symmetric(Refusing):
    def cases(self, *names: str) -> Iterator[tuple[dict[str, Any], bool]]:
        for name in names:
            for group in load(f"crypto/{name}.json")["testGroups"]:
                for test in group["tests"]:
                    yield test, test["result"] != "invalid"

    def test_aes_gcm(self) -> None:
        for test, good in self.cases("aes-gcm-nist", "aes-gcm-wycheproof"):
            key, nonce, about, plain, ciphertext, tag = (bytes.fromhex(test[name])
                                                         for name in ("key", "iv", "aad", "msg", "ct", "tag"))
            opened = None
            try:
                opened = primitives.open_sealed(key, nonce, about, ciphertext + tag, "vector")
            except Refused:
                pass
            self.assertEqual(opened, plain if good and len(nonce) == 12 else None)

    def test_hkdf(self) -> None:
        for test, good in self.cases("hkdf-rfc5869", "hkdf-wycheproof"):
            ikm, salt, info, output = (bytes.fromhex(test[name]) for name in ("ikm", "salt", "info", "okm"))
            if good:
                self.assertEqual(primitives.hkdf(ikm, salt, info, test["size"]), output)
            else:
                self.refused("PARAMETER_INVALID", None, primitives.hkdf, ikm, salt, info, test["size"])

    def test_hmac(self) -> None:
        for test, good in self.cases("hmac-rfc4231", "hmac-wycheproof"):
            key, message, tag = (bytes.fromhex(test[name]) for name in ("key", "msg", "tag"))
            self.assertEqual(primitives.mac(key, message) == tag, good)


class Envelopes(Refusing):
    def test_envelope(self) -> None:
        vector = load("envelope-v1.json")
        read = envelope.decode(vector["envelope"].encode(), vector["kind"])
        self.assertEqual(read.signed_bytes.decode(), vector["signed"])
        self.assertEqual(read.hash.hex(), vector["hash"])
        self.assertTrue(read.signed_by([envelope.Key("ed25519", "ed25519", bytes.fromhex(vector["publicKey"]))]))
        for case in vector["refused"]:
            with self.subTest(case["name"]):
                self.refused(case["code"], None, envelope.decode, case["envelope"].encode(), vector["kind"])


class TrustLogs(Refusing):
    def test_log(self) -> None:
        vector = load("trust-log-v1.json")
        entries = [entry.encode() for entry in vector["log"]]
        log, expect = trust.verify_log(entries), vector["expect"]
        self.assertEqual([one.hex() for one in log.hashes], expect["hashes"])
        end = {"workspace": log.workspace, "epoch": log.epoch, "policy": log.policy, "head": log.head.hex()}
        self.assertEqual(end, {name: expect[name] for name in end})
        self.assertEqual(sorted(log.trusted()), sorted(expect["trusted"]))
        keys = {int(epoch): EpochKey(bytes.fromhex(key), int(epoch)) for epoch, key in vector["keys"].items()}
        self.assertEqual(log.check_macs(keys), len(entries))
        for epoch, key in keys.items():
            self.assertEqual(key.commitment(), log.commitments[epoch])

    def test_refused(self) -> None:
        vector = load("trust-log-v1.json")
        entries = [entry.encode() for entry in vector["log"]]
        for case in vector["refused"]:
            further = [entry.encode() for entry in case["entries"]]
            good = trust.verify_log(entries[: case["after"]] + further[:-1])
            with self.subTest(case["name"]):
                self.refused(case["code"], case["reason"], good.after, further[-1])


    def test_room(self) -> None:
        for case in load("trust-log-v1.json")["room"]:
            with self.subTest(case):
                fits = trust.has_room(case["kind"], case["sequence"], case["epoch"], case["bytes"])
                self.assertEqual(fits, case["fits"])


class Headers(Refusing):
    def setUp(self) -> None:
        self.vector = load("header-v1.json")
        self.entries = [entry.encode() for entry in self.vector["log"]]
        self.key = EpochKey(bytes.fromhex(self.vector["keys"]["1"]), 1)

    def read(self, data: str) -> header.Header:
        return header.decode(data.encode())

    def log_of(self, shown: header.Header) -> trust.TrustLog:
        return trust.verify_log(self.entries[: shown.trust_length])

    def test_sound(self) -> None:
        for name, data in self.vector["headers"].items():
            with self.subTest(name):
                shown = self.read(data)
                self.assertEqual(shown.hash.hex(), self.vector["hashes"][name])
                shown.believe(self.log_of(shown))
                shown.check_mac(self.key)

    def test_refused(self) -> None:
        log = trust.verify_log(self.entries)

        def believe(data: str) -> None:
            self.read(data).believe(log)

        for case in self.vector["refused"]:
            with self.subTest(case["name"]):
                self.refused(case["code"], case["reason"], believe, case["header"])

    def test_relations(self) -> None:
        headers = {name: self.read(data) for name, data in self.vector["headers"].items()}
        for case in self.vector["relations"]:
            seen, shown = headers.get(case["seen"]), headers[case["shown"]]
            own = None if case["ownCounter"] is None else (headers["1"].writer, case["ownCounter"])
            logs = self.log_of(seen) if seen else None, self.log_of(shown)
            with self.subTest(seen=case["seen"], shown=case["shown"], own=own):
                self.assertEqual(header.compare(seen, logs[0], shown, logs[1], own), (case["verdict"], case["doubt"]))


    def test_steps(self) -> None:
        headers = {name: self.read(data) for name, data in self.vector["headers"].items()}
        for case in self.vector["steps"]:
            seen, shown = headers[case["seen"]], headers[case["shown"]]
            arguments = (seen, shown, self.log_of(shown))
            with self.subTest(case["shown"]):
                if "code" in case:
                    self.refused(case["code"], case["reason"], header.check_newer, *arguments)
                else:
                    self.assertEqual(header.compare(seen, self.log_of(seen), shown, self.log_of(shown)), ("newer", None))
                    header.check_newer(*arguments)


class VaultFiles(Refusing):
    def setUp(self) -> None:
        self.vector = load("vault-file-v1.json")
        self.log = trust.verify_log([entry.encode() for entry in self.vector["log"]])

    def open(self, data: str, recipient: str) -> dict[int, EpochKey]:
        read = vaultfile.decode(data.encode())
        read.check(self.log)
        seed = bytes.fromhex(self.vector["recipients"][recipient])
        return read.open_previous(xwing.open_box(read, recipient, seed), self.log)

    def test_every_box(self) -> None:
        for recipient in self.vector["recipients"]:
            keys = self.open(self.vector["vault"], recipient)
            for epoch, key in self.vector["keys"].items():
                wanted = EpochKey(bytes.fromhex(key), int(epoch))
                self.assertEqual(keys[int(epoch)].commitment(), wanted.commitment())

    def test_name(self) -> None:
        name = self.log.members[self.vector["second"]].name
        key = EpochKey(bytes.fromhex(self.vector["keys"][str(name.epoch)]), name.epoch)
        self.assertEqual(name.open(key, self.vector["second"]), self.vector["secondName"])

    def test_refused(self) -> None:
        for case in self.vector["refused"]:
            with self.subTest(case["name"]):
                self.refused(case["code"], None, self.open, case["vault"], self.vector["second"])


    def test_recipients(self) -> None:
        vaultfile.decode(self.vector["vault"].encode()).check_recipients(self.log)
        for case in self.vector["misdirected"]:
            read = vaultfile.decode(case["vault"].encode())
            with self.subTest(case["name"]):
                self.refused(case["code"], None, read.check_recipients, self.log)


class Shards(Refusing):
    def test_payloads(self) -> None:
        for case in load("index-shard-v1.json")["payloads"]:
            payload = bytes.fromhex(case["payloadHex"])
            with self.subTest(case["name"]):
                if "expect" in case:
                    self.refused(case["expect"]["code"], None, index.decode, payload)
                else:
                    index.decode(payload)

    def test_sealed(self) -> None:
        """Without the rule that a path lies in its own shard: the vector that opens breaks it."""
        vector = load("index-shard-v1.json")
        key = EpochKey(bytes.fromhex(vector["workspaceKeyHex"]), vector["epoch"])
        place = (vector["place"]["number"], vector["place"]["count"], key, vector["workspace"])
        for case in vector["sealed"]:
            arguments = (base64.b64decode(case["shardBase64"]), *place)
            with self.subTest(case["name"]):
                if "expect" in case:
                    self.refused(case["expect"]["code"], None, index.open_shard, *arguments)
                else:
                    self.assertEqual(index.open_shard(*arguments), index.decode(bytes.fromhex(case["payloadHex"])))


    def test_trees(self) -> None:
        for case in load("index-shard-v1.json")["trees"]:
            entries = [entry for payload in case["payloadsHex"] for entry in index.decode(bytes.fromhex(payload)).entries]
            with self.subTest(case["name"]):
                if "expect" in case:
                    self.refused(case["expect"]["code"], None, index.check_tree, entries)
                else:
                    index.check_tree(entries)


class Packs(Refusing):
    def test_cases(self) -> None:
        vector = load("pack-v1.json")
        keys = {vector["epoch"]: EpochKey(bytes.fromhex(vector["workspaceKeyHex"]), vector["epoch"])}
        for case in vector["cases"]:
            with self.subTest(case["name"]):
                if "code" in case["expect"]:
                    self.refused(case["expect"]["code"], None, self.read, case, keys)
                else:
                    self.assertEqual(self.read(case, keys).hex(), case["expect"]["plainHex"])

    def read(self, case: dict[str, Any], keys: dict[int, EpochKey]) -> bytes:
        start, ref = bytes.fromhex(case["pack"]["hex"]), case["ref"]
        data = start.ljust(case["pack"]["length"], bytes([case["pack"]["padByte"]]))
        name = bytes.fromhex(case["idHex"])
        pack.verify_pack(data, name)
        codec = ["none", "deflate-raw", "zstd"].index(ref["codec"])
        chunk = pack.ChunkRef(name, ref["offset"], ref["sealedBytes"], ref["plainBytes"], codec, ref["epoch"],
                              bytes.fromhex(ref["saltHex"]), ref["number"], bytes.fromhex(ref["hashHex"]))
        return pack.open_chunk(data, chunk, keys, case["workspace"])


class Sealing(Refusing):
    def test_x_wing(self) -> None:
        """An invalid case is one in which another secret comes out, or none."""
        for group in load("crypto/x-wing.json")["testGroups"]:
            for test in group["tests"]:
                with self.subTest(test["comment"]):
                    secret = self.or_nothing(xwing.decapsulate, test, "seed", "ct")
                    self.assertEqual(secret == bytes.fromhex(test["ss"]), test["result"] == "valid")

    def test_hpke(self) -> None:
        for group in load("crypto/hpke.json")["testGroups"]:
            for test in group["tests"]:
                with self.subTest(test["comment"]):
                    opened = self.or_nothing(xwing.open_base, test, "seed", "info", "sealed")
                    wanted = bytes.fromhex(test["msg"]) if test["result"] == "valid" else None
                    self.assertEqual(opened, wanted)

    def or_nothing(self, action: Any, test: dict[str, Any], *names: str) -> bytes | None:
        try:
            return action(*(bytes.fromhex(test[name]) for name in names))
        except Refused:
            return None


class Derivations(Refusing):
    """The worked examples of docs/spec/keys.md and docs/spec/passphrase.md."""

    def test_keys(self) -> None:
        key, workspace, salt = EpochKey(b"\x0b" * 32, 1), "abcdefghijklmnopqrstuvwxyz", b"\x5a" * 32
        self.assertEqual(key.commitment().hex(), "739f9b24afddfd1f161897fde19e07d5c36b32892c6c89f19400d96a9070ba35")
        for label, object_salt, derived in [
            ("envelope-mac", b"", "265a164892a29064c53dba3b572530bc2df8077f5da56b5270e41e0570f7ff2c"),
            ("path", b"", "40731725690e3ea0b1a20004313a6d82ff523e71f7c73e8770520b8397c54e36"),
            ("previous-epochs", b"", "81fddb99ec4fb548e42a9d621f7cf580ec8d8dd5953faa7bf666101443b4a993"),
            ("object/file", salt, "4fb89cc02bcc62b233d06ebbb4c3b360d0508874ff079967787e3b67af15f84a"),
            ("object/shard", salt, "6cdf80b8100e3ec135d07881025dee39931a8e0d637a6dd544b702c7cdca945c"),
        ]:
            self.assertEqual(key.derived(f"sessyn/v1/{label}", workspace, object_salt).hex(), derived)

    def test_passphrase(self) -> None:
        salt = bytes(range(16))
        keys = passphrase.derive("abandon gravity hollow meadow oxygen violin", salt, 65_536, 3, 4)
        made = [keys.recipient_seed, keys.recovery_ed25519, keys.recovery_ml_dsa_87]
        self.assertEqual([hashlib.sha256(public).hexdigest() for public in (xwing.public_key(made[0]), made[2])], [
            "13fead3f2a8e947ba1772f49a348c037b97c870a8ea4a37855209269c370c41a",
            "54b79163d47e5a03af36799c1c7303e1a62159bdd527a55553d74ba0f4b1ca03",
        ])
        self.assertEqual(made[0].hex(), "5d97edd15218bbd7397a8019d13720bdce645f637b67b5735c0c9edc4b849c96")
        self.assertEqual(made[1].hex(), "ccbf703cabddab1b70f6d77f9e4d53dd2157994e845101db57ff7d84cdbefe06")


if __name__ == "__main__":
    unittest.main()
