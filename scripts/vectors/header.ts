/**
 * Vectors of headers: ones that are wrong in themselves, and how sound ones
 * relate to what a client has seen.
 *
 * @module
 */
import { fromUtf8, toHex } from "../../crypto/bytes.ts"
import type { Crypto } from "../../crypto/crypto.ts"
import type { Secret } from "../../crypto/secret.ts"
import { encodeEnvelope } from "../../storage/format/envelope.ts"
import type { Header, MachineCounter } from "../../storage/format/header.ts"
import {
  type HeaderMemory,
  MAX_LEAP,
  type VerifiedHeader,
  verifyHeader,
  verifyHeaderAlone,
} from "../../storage/verify/header.ts"
import { verifyTrustLog } from "../../storage/verify/trustLog.ts"
import { envelopeOf, headerAfter, newMachine, type TestLog, type TestMachine } from "../../test/support/trustLog.ts"
import { createVectorCrypto, keysInHex, refusalOf, texts, twoMachineLog } from "./signed.ts"

interface World {
  readonly crypto: Crypto
  readonly log: TestLog
  readonly first: TestMachine
  readonly second: TestMachine
  /** Sound headers by name, with the length of the log each stands on. */
  readonly headers: Map<string, VerifiedHeader>
}

export async function headerVectors(): Promise<unknown> {
  const crypto = await createVectorCrypto(104)
  const world: World = { crypto, ...(await twoMachineLog(crypto)), headers: new Map() }
  const { log } = world
  await makeHeaders(world)
  const refused = [...(await wrongHeaders(world)), ...(await wrongForms(world))]
  const related = await relations(world)
  await makeSteps(world)
  return {
    format: "docs/spec/header.md",
    about: {
      log: "a good trust log; a header stands on its first `trust.length` entries",
      headers: "sound headers by name",
      refused: "headers that must be refused whatever was seen before",
      relations: "what a client that has seen `seen` (and the log that it stands on) says to `shown`",
      steps: "what a client that has seen `seen` must refuse in `shown`, or, if no code is there, follows as `newer`",
    },
    log: texts(log.envelopes),
    keys: keysInHex(log.keyring),
    headers: Object.fromEntries(
      [...world.headers].map(([name, { envelope }]) => [name, fromUtf8(encodeEnvelope(envelope))]),
    ),
    hashes: Object.fromEntries([...world.headers].map(([name, { hash }]) => [name, toHex(hash)])),
    refused,
    relations: related,
    steps: await steps(world),
  }
}

async function makeHeaders(world: World): Promise<void> {
  const { log, first, second } = world
  const alone = await verifyTrustLog(world.crypto, log.envelopes.slice(0, 1))
  const beginning = { ...log, state: alone, keyring: log.keyring }
  await add(world, "1", beginning, first, null)
  await add(world, "2", log, first, "1")
  await add(world, "3", log, second, "2")
  await add(world, "4", log, first, "3")
  await add(world, "3, by another", log, first, "2")
  await add(world, "3, second time", log, second, "2")
  await add(world, "4, forgets a counter", log, first, "3", ({ machines }) => ({
    machines: machines.filter(({ id }) => id === first.id),
  }))
  await add(world, "4, sequence 3", log, first, "3", () => ({ sequence: 3 }))
  await add(world, "4, previous 1", log, first, "3", () => ({ previous: hashOf(world, "1") }))
  await add(world, "repair of 3, second time", log, first, "3, second time", () => ({
    kind: "repair",
    sequence: 9,
    supersedes: hashOf(world, "4"),
  }))
}

async function add(
  world: World,
  name: string,
  log: TestLog,
  by: TestMachine,
  after: string | null,
  change: (header: Header) => Partial<Header> = () => ({}),
): Promise<void> {
  const { crypto, headers } = world
  const before = after === null ? null : (headers.get(after) as VerifiedHeader)
  const plain = await verifyHeaderAlone(crypto, await headerAfter(log, by, before), log.workspace, log.state)
  const encoded = await headerAfter(log, by, before, { ...plain.header, ...change(plain.header) })
  headers.set(name, await verifyHeaderAlone(crypto, encoded, log.workspace, log.state))
}

function hashOf({ headers }: World, name: string): Uint8Array {
  return (headers.get(name) as VerifiedHeader).hash
}

async function wrongHeaders({ crypto, log, first, second, headers }: World): Promise<readonly unknown[]> {
  const before = headers.get("3") as VerifiedHeader
  const stranger = await newMachine(crypto)
  const item = { machine: stranger.id, id: new Uint8Array(16), sha256: new Uint8Array(32), size: 1 }
  const wrong: readonly (readonly [string, Uint8Array])[] = [
    ["another workspace", await headerAfter(log, first, before, { workspace: "a".repeat(26) })],
    ["a shorter log", await headerAfter(log, first, before, { trust: { length: 1, head: log.state.head } })],
    ["another log", await headerAfter(log, first, before, { trust: { length: 2, head: new Uint8Array(32) } })],
    ["writer not in the log", await headerAfter(log, stranger, before)],
    ["signed by another machine", await headerAfter(log, first, before, {}, { signers: second.signers })],
    ["not signed", await headerAfter(log, first, before, {}, { signers: [] })],
    ["a later epoch", await headerAfter(log, first, before, { epoch: 2 })],
    ["inbox of an unknown machine", await headerAfter(log, first, before, { inbox: [item] })],
  ]
  const cases: unknown[] = []
  for (const [name, encoded] of wrong) {
    const refusal = await refusalOf(name, () => verifyHeaderAlone(crypto, encoded, log.workspace, log.state))
    cases.push({ name, header: fromUtf8(encoded), ...refusal })
  }
  return cases
}

/** Headers that no encoder would write, each signed as it should be. */
async function wrongForms({ crypto, log, first, headers }: World): Promise<readonly unknown[]> {
  const text = fromUtf8((headers.get("4") as VerifiedHeader).envelope.payload)
  const changes: readonly (readonly [string, (text: string) => string])[] = [
    ["newer format", (t) => t.replace(/^\{"epoch":1,"format":1/, '{"epoch":1,"format":2')],
    ["unknown field", (t) => t.replace('"time":', '"tie":0,"time":')],
    ["unknown kind", (t) => t.replace('"kind":"sync"', '"kind":"merge"')],
    ["no writer's counter", (t) => t.replace(/"machines":\[[^\]]*\]/, '"machines":[]')],
    ["machines in another order", (t) => t.replace(/"machines":\[(\{[^}]*\}),(\{[^}]*\})\]/, '"machines":[$2,$1]')],
    ["counter 0", (t) => t.replace(/"counter":\d+/, '"counter":0')],
    ["counter above the sequence", (t) => t.replace(/"counter":\d+/, '"counter":5')],
    ["no previous", (t) => t.replace(/"previous":"[^"]*"/, '"previous":null')],
    ["sequence 0", (t) => t.replace('"sequence":4', '"sequence":0')],
    ["supersedes without repair", (t) => t.replace('"supersedes":null', `"supersedes":"${"A".repeat(43)}="`)],
    ["repair that supersedes nothing", (t) => t.replace('"kind":"sync"', '"kind":"repair"')],
    ["three shards", (t) => t.replace(/"index":\{[^}]*\}/, `"index":{"count":3,"shards":"${"AAAAAAAA".repeat(18)}"}`)],
    ["fewer shards than counted", (t) => t.replace('"count":1', '"count":2')],
    ["no shards", (t) => t.replace('"count":1', '"count":0')],
    ["empty shard", (t) => t.replace(/"shards":"[^"]*"/, `"shards":"${"AAAAAAAA".repeat(6)}"`)],
    ["floor above the sequence", (t) => t.replace('"tombstoneFloor":0', '"tombstoneFloor":5')],
    ["white space", (t) => t.replace(",", ", ")],
  ]
  const macKey = log.keyring.get(1)?.mac as Secret
  const cases: unknown[] = []
  for (const [name, change] of changes) {
    if (change(text) === text) throw new Error(`changes nothing: ${name}`)
    const encoded = await envelopeOf(crypto, "header", change(text), first.signers, macKey)
    const refusal = await refusalOf(name, () => verifyHeaderAlone(crypto, encoded, log.workspace, log.state))
    cases.push({ name, header: fromUtf8(encoded), ...refusal })
  }
  return cases
}

async function relations({ crypto, log, headers }: World): Promise<readonly unknown[]> {
  const pairs: readonly (readonly [seen: string | null, shown: string, self?: number])[] = [
    [null, "4"],
    ["4", "4"],
    ["3", "4"],
    ["1", "4"],
    ["4", "3"],
    ["4", "1"],
    ["3, by another", "3"],
    ["3", "3, by another"],
    ["3, second time", "3"],
    ["3", "4, forgets a counter"],
    ["3", "4, sequence 3"],
    ["3", "4, previous 1"],
    ["4", "repair of 3, second time"],
    ["3, second time", "repair of 3, second time"],
    ["1", "4", 1],
    ["1", "4", 3],
  ]
  const cases: unknown[] = []
  for (const [seen, shown, self] of pairs) {
    const remembered = seen === null ? null : (headers.get(seen) as VerifiedHeader)
    const { header, envelope } = headers.get(shown) as VerifiedHeader
    const logUpTo = (length: number) => verifyTrustLog(crypto, log.envelopes.slice(0, length))
    const memory: HeaderMemory = {
      seen: remembered,
      trust: remembered === null ? null : await logUpTo(remembered.header.trust.length),
      self: self === undefined ? null : { id: header.writer, counter: self },
    }
    const trust = await logUpTo(header.trust.length)
    const verdict = await verifyHeader(crypto, encodeEnvelope(envelope), log.workspace, trust, memory)
    const doubt = "doubt" in verdict ? verdict.doubt : null
    cases.push({ seen, shown, ownCounter: self ?? null, verdict: verdict.kind, doubt })
  }
  return cases
}

const INVENTED = new Uint8Array(32).fill(7)

/** Headers that are sound in themselves, but that nobody who has seen the one before believes. */
async function makeSteps(world: World): Promise<void> {
  const { log, first, second } = world
  const ofSecond =
    (change: Partial<MachineCounter>) =>
    ({ machines }: Header): Partial<Header> => ({
      machines: machines.map((each) => (each.id === second.id ? { ...each, ...change } : each)),
    })
  await add(world, "4, invents a header", log, first, "3", ofSecond({ counter: 2, head: INVENTED }))
  await add(world, "4, counts another's again", log, first, "3", ofSecond({ counter: 2 }))
  await add(world, "4, counts its own twice", log, first, "3", ({ machines }) => ({
    machines: machines.map((each) => (each.id === first.id ? { ...each, counter: 4 } : each)),
  }))
  await add(world, "repair of 3, invents a header", log, first, "3", (header) => ({
    ...ofSecond({ counter: 2, head: INVENTED })(header),
    kind: "repair",
    supersedes: hashOf(world, "4"),
  }))
  await add(world, "compaction of 3, invents a header", log, first, "3", (header) => ({
    ...ofSecond({ counter: 2, head: INVENTED })(header),
    kind: "compact",
    historyFloor: 4,
  }))
  const far = { previous: INVENTED, sequence: 3 + MAX_LEAP }
  await add(world, "4, far ahead", log, first, "3", () => far)
  await add(world, "4, too far ahead", log, first, "3", () => ({ ...far, sequence: far.sequence + 1 }))
  await add(world, "repair of 3, too far ahead", log, first, "3", () => ({
    kind: "repair",
    sequence: far.sequence + 1,
    supersedes: hashOf(world, "4"),
  }))
}

async function steps({ crypto, log, headers }: World): Promise<readonly unknown[]> {
  const seen = "3"
  const memory: HeaderMemory = { seen: headers.get(seen) as VerifiedHeader, trust: log.state, self: null }
  const cases: unknown[] = []
  for (const [shown, { envelope }] of headers) {
    if (!/invents|counts|far/.test(shown)) continue
    const attempt = (): Promise<unknown> =>
      verifyHeader(crypto, encodeEnvelope(envelope), log.workspace, log.state, memory)
    cases.push({ seen, shown, ...(shown === "4, far ahead" ? {} : await refusalOf(shown, attempt)) })
  }
  return cases
}
