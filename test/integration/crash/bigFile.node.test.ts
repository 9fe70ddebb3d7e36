/**
 * A file of 500 MB to and from a real Git host, by machines that are killed on
 * the way: what had arrived is not sent again, as the host's own count of bytes
 * shows, and no machine holds more of the file in memory than a little.
 *
 * @module
 */
import { createCipheriv, createHash } from "node:crypto"
import { closeSync, createReadStream, openSync, writeSync } from "node:fs"
import { rename, symlink } from "node:fs/promises"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { straysIn, sweepHost } from "../../support/crash/checks.node.ts"
import { buildMortal, createLane, type End, type Lane, type Program } from "../../support/crash/lanes.node.ts"
import { makeMachine } from "../../support/crash/tasks.node.ts"
import { planOf, setUpTrusted } from "../../support/crash/world.node.ts"
import { type GitServer, type RequestRecord, startGitServer } from "../../support/gitServer.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"

const MIB = 1024 * 1024
const FILE_BYTES = 500 * 1000 * 1000
const PACK_BYTES = 8 * MIB
const STAGE_BYTES = 32 * MIB
/** Padding of packs to one in 32 (Padmé), Git's packaging to one in 127, and all that is not the file. */
const OVERHEAD = FILE_BYTES * (1 / 32 + 1 / 127) + 2 * MIB
/** What the system has taken from the host, and the dead machine never read. */
const IN_SOCKETS = 8 * MIB
const MAX_MEMORY = 500 * MIB

const folders = createTemporaryFolders()
let program: Program
let server: GitServer
let lane: Lane

beforeAll(async () => {
  program = await buildMortal()
  server = await startGitServer()
  const setUp = async (made: Lane): Promise<void> => {
    await rename(server.path, made.vault)
    await symlink(made.vault, server.path)
    await setUpTrusted(made)
  }
  lane = await createLane(folders.make(), setUp, server.url)
})
afterAll(async () => {
  program.remove()
  await server.close()
  folders.remove()
})

/** Bytes that nothing can compress, the same each time. */
function writeNoise(path: string): void {
  const stream = createCipheriv("aes-128-ctr", Buffer.alloc(16, 1), Buffer.alloc(16))
  const zeros = Buffer.alloc(MIB)
  const fd = openSync(path, "wx")
  for (let left = FILE_BYTES; left > 0; left -= MIB)
    writeSync(fd, stream.update(zeros.subarray(0, Math.min(left, MIB))))
  closeSync(fd)
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256")
  await pipeline(createReadStream(path, { highWaterMark: MIB }), hash)
  return hash.digest("hex")
}

/** Lets a machine sync, and kills it once the host has counted so many bytes. */
async function syncUntil(name: "a" | "b", limit: number, count: (record: RequestRecord) => number): Promise<End> {
  const first = server.log.length
  let kill = (): void => {}
  server.onTraffic(() => {
    if (server.log.slice(first).reduce((sum, record) => sum + count(record), 0) >= limit) kill()
  })
  const plan = { ...planOf(lane, name), packBytes: PACK_BYTES, stageBytes: STAGE_BYTES }
  const end = await program.run({ plan, task: { kind: "sync" }, kill: null }, (it) => {
    kill = it
  })
  server.onTraffic(undefined)
  return end
}

describe("a file of 500 MB", () => {
  const total = (count: (record: RequestRecord) => number): number =>
    server.log.reduce((sum, record) => sum + count(record), 0)

  async function travel(name: "a" | "b", count: (record: RequestRecord) => number): Promise<number> {
    const before = total(count)
    expect((await syncUntil(name, FILE_BYTES * 0.45, count)).kind).toBe("killed")
    const end = await syncUntil(name, Number.POSITIVE_INFINITY, count)
    if (end.kind === "killed") throw new Error("nobody was to kill it")
    expect(end.words.error).toBeNull()
    expect(end.words.peakMemory).toBeLessThan(MAX_MEMORY)
    return total(count) - before
  }

  it("goes up from the last stage that was complete", { timeout: 600_000 }, async () => {
    writeNoise(join(lane.folder, "a", "big.bin"))
    const sent = await travel("a", ({ upBytes }) => upBytes)
    expect(sent).toBeLessThan(FILE_BYTES + OVERHEAD + STAGE_BYTES)
  })

  it("comes down from the last pack that was complete", { timeout: 600_000 }, async () => {
    const received = await travel("b", ({ downBytes }) => downBytes)
    expect(received).toBeLessThan(FILE_BYTES + OVERHEAD + PACK_BYTES + IN_SOCKETS)
    const [a, b] = [join(lane.folder, "a", "big.bin"), join(lane.folder, "b", "big.bin")]
    expect(await hashOf(b)).toBe(await hashOf(a))
    await sweepHost(lane.vault)
    expect(await straysIn(lane.folder, [makeMachine(planOf(lane, "a")), makeMachine(planOf(lane, "b"))])).toEqual([])
  })
})
