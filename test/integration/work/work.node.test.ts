/**
 * What a sync costs, in work: requests, bytes, files opened, bytes hashed,
 * compressed and sealed, for fixed inputs. A change that makes any of it more by
 * more than a hair fails here, and so does one that makes it less: then the
 * number here is to be lowered, so that nobody loses it again.
 */
import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { CredentialSource } from "../../../storage/remote/node/gitCredentials.ts"
import { openGitHttpStore } from "../../../storage/remote/node/gitHttpStore.ts"
import { type GitServer, startGitServer } from "../../support/gitServer.node.ts"
import { admit, createMachine, type TestMachine } from "../../support/machine.node.ts"
import { seededRandom } from "../../support/seededRandom.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { createWorkMeter, type Work, type WorkMeter } from "../../support/workMeter.node.ts"

/** Compressed lengths and signatures vary by as much. */
const TOLERANCE = 0.02
const NONE: CredentialSource = { find: async () => undefined, approve: async () => {}, reject: async () => {} }

interface Cost extends Work {
  requests: number
  up: number
  down: number
}

interface Metered {
  readonly machine: TestMachine
  readonly meter: WorkMeter
}

const folders = createTemporaryFolders()
let folder: string
let server: GitServer
let a: Metered
let b: Metered

function metered(name: string, folder: string, seed: number): Metered {
  const meter = createWorkMeter(seed)
  const openStore = async () => openGitHttpStore({ url: server.url, credentials: NONE })
  return { machine: createMachine({ name, folder, openStore, ...meter }), meter }
}

beforeAll(async () => {
  folder = folders.make()
  server = await startGitServer()
  a = metered("a", folder, 11)
  b = metered("b", folder, 12)
  plantTree(a.machine.root)
  await a.machine.engine.init({ root: a.machine.root, storeUrl: server.url, machineName: "A", remember: true })
})

afterAll(async () => {
  await server?.close()
  folders.remove()
})

/** 500 files in 11 folders: text, 50 copies, secrets, and 6 MB of noise. */
function plantTree(root: string): void {
  const random = seededRandom(7)
  for (let i = 0; i < 10; i++) {
    const folder = join(root, `part-${i}`)
    mkdirSync(folder)
    for (let k = 0; k < 50; k++) {
      const seed = k < 5 ? k : 50 * i + k
      writeFileSync(join(folder, `file-${k}.ts`), textOf(seed, 200 + ((seed * 37) % 6000)))
    }
  }
  writeFileSync(join(root, ".env"), "TOKEN=abcdefghijkl\n")
  mkdirSync(join(root, "assets"))
  writeFileSync(join(root, "assets", "noise.bin"), random(6_000_000))
}

function textOf(seed: number, bytes: number): string {
  const words = Buffer.from(seededRandom(seed + 1)(Math.ceil(bytes / 8)))
  return [...words]
    .map((byte) => `word${byte.toString().padStart(3, "0")}`)
    .join("\n")
    .slice(0, bytes)
}

/**
 * What was changed within one tick of the file system's clock before a scan is read once more by the next: waits until
 * that clock has moved on.
 */
function letTick(): void {
  const path = join(folder, "tick")
  writeFileSync(path, "")
  const before = statSync(path, { bigint: true }).ctimeNs
  for (let now = before; now <= before; now = statSync(path, { bigint: true }).ctimeNs) writeFileSync(path, "x")
}

async function costOf({ machine, meter }: Metered): Promise<Cost> {
  letTick()
  meter.take()
  const from = server.log.length
  await machine.sync()
  const requests = server.log.slice(from)
  return {
    requests: requests.length,
    up: requests.reduce((sum, { upBytes }) => sum + upBytes, 0),
    down: requests.reduce((sum, { downBytes }) => sum + downBytes, 0),
    ...meter.take(),
  }
}

/** Numbers of things are to be as they are stated, bytes about. */
function expectCost(is: Cost, stated: Cost): void {
  const near = { ...is }
  for (const key of ["up", "down", "hashed", "compressed", "sealed", "unsealed"] as const) {
    if (Math.abs(is[key] - stated[key]) <= Math.max(64, TOLERANCE * stated[key])) near[key] = stated[key]
  }
  expect(near).toEqual(stated)
}

describe("the work of", () => {
  test("a first sync", async () => {
    expectCost(await costOf(a), {
      requests: 3,
      up: 6_515_478,
      down: 576,
      listed: 14,
      opened: 512,
      created: 1,
      compared: 0,
      hashed: 25_977_681,
      compressed: 7_474_112,
      sealed: 6_393_320,
      unsealed: 32_840,
      signed: 1,
      verified: 5,
    })
  })

  test("a sync with nothing to do", async () => {
    await costOf(a)
    expectCost(await costOf(a), {
      requests: 1,
      up: 105,
      down: 99,
      listed: 0,
      opened: 2,
      created: 0,
      compared: 515,
      hashed: 120_810,
      compressed: 0,
      sealed: 0,
      unsealed: 0,
      signed: 0,
      verified: 0,
    })
  })

  test("one edited line", async () => {
    appendFileSync(join(a.machine.root, "part-3", "file-20.ts"), "// one more\n")
    expectCost(await costOf(a), {
      requests: 2,
      up: 58_530,
      down: 321,
      listed: 2,
      opened: 6,
      created: 1,
      compared: 515,
      hashed: 482_570,
      compressed: 54_674,
      sealed: 39_049,
      unsealed: 39_028,
      signed: 1,
      verified: 5,
    })
  })

  test("a second machine's first sync", async () => {
    await admit(a.machine, b.machine, server.url)
    expectCost(await costOf(b), {
      requests: 5,
      up: 959,
      down: 6_541_480,
      listed: 4,
      opened: 4,
      created: 504,
      compared: 0,
      hashed: 20_002_713,
      compressed: 0,
      sealed: 0,
      unsealed: 6_401_059,
      signed: 0,
      verified: 11,
    })
  })

  test("receiving one edited line", async () => {
    await costOf(b)
    await costOf(a)
    appendFileSync(join(a.machine.root, "part-4", "file-20.ts"), "// one more\n")
    await costOf(a)
    expectCost(await costOf(b), {
      requests: 5,
      up: 859,
      down: 63_564,
      listed: 3,
      opened: 6,
      created: 2,
      compared: 515,
      hashed: 341_337,
      compressed: 0,
      sealed: 0,
      unsealed: 39_732,
      signed: 0,
      verified: 6,
    })
  })

  test("a folder of fifty files that was renamed", async () => {
    renameSync(join(a.machine.root, "part-7"), join(a.machine.root, "renamed"))
    expectCost(await costOf(a), {
      requests: 2,
      up: 42_135,
      down: 292,
      listed: 14,
      opened: 5,
      created: 1,
      compared: 515,
      hashed: 489_529,
      compressed: 56_883,
      sealed: 38_852,
      unsealed: 39_108,
      signed: 1,
      verified: 6,
    })
  })

  test("receiving it", async () => {
    expectCost(await costOf(b), {
      requests: 4,
      up: 679,
      down: 46_867,
      listed: 15,
      opened: 61,
      created: 6,
      compared: 515,
      hashed: 419_496,
      compressed: 0,
      sealed: 0,
      unsealed: 39_108,
      signed: 0,
      verified: 6,
    })
  })

  test("a kilobyte inserted into six megabytes", async () => {
    const path = join(a.machine.root, "assets", "noise.bin")
    const bytes = readFileSync(path)
    writeFileSync(path, Buffer.concat([bytes.subarray(0, 3_000_000), seededRandom(8)(1024), bytes.subarray(3_000_000)]))
    expectCost(await costOf(a), {
      requests: 3,
      up: 1_990_980,
      down: 576,
      listed: 2,
      opened: 7,
      created: 1,
      compared: 515,
      hashed: 16_376_309,
      compressed: 1_966_935,
      sealed: 1_948_805,
      unsealed: 77_976,
      signed: 1,
      verified: 6,
    })
  })
})
