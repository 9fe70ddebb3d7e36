import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest"
import { sessynHome, workspaceHome } from "../../../../../src/platform/node/state/home.ts"
import { createNodeState } from "../../../../../src/platform/node/state/nodeState.ts"
import { ownIdentity } from "../../../../../src/platform/node/state/processIdentity.ts"
import { takeProcessLock } from "../../../../../src/platform/node/state/processLock.ts"
import { canMount, mountTmpfs, unmountAll } from "../../../../support/mounts.node.ts"
import { createTemporaryFolders } from "../../../../support/temporaryFolders.node.ts"
import { utf8 } from "../../../../support/trees.ts"

const folders = createTemporaryFolders()
const source = new URL("../../../../../src/platform/node/state/", import.meta.url)
const MAY_MOUNT = canMount()
const children: ChildProcess[] = []

afterEach(async () => {
  for (const child of children.splice(0)) await kill(child)
  unmountAll()
})
afterAll(folders.remove)

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill("SIGKILL")
  await once(child, "close")
}

/** Runs a module in another process that has `state`, `folder` and `say`; resolves with what it says first. */
async function elsewhere(
  folder: string,
  code: string,
): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const script = `
    import { createNodeState } from ${JSON.stringify(new URL("nodeState.ts", source).href)}
    import { writeSync } from "node:fs"
    const folder = ${JSON.stringify(folder)}
    const state = createNodeState(folder)
    const say = (text) => writeSync(1, text)
    ${code}`
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "inherit"] })
  children.push(child)
  const [said] = (await once(child.stdout as NonNullable<typeof child.stdout>, "data")) as [Buffer]
  return { child, said: said.toString() }
}

const HOLD = "say((await state.lock()) ? 'held' : 'refused'); setInterval(() => {}, 1000)"

describe("the state on disk", () => {
  let folder: string

  beforeEach(() => {
    folder = join(folders.make(), "home/workspaces/abc")
  })

  it("is for its owner only, whatever the umask", async () => {
    const before = process.umask(0)
    try {
      await createNodeState(folder).write("journal/1", utf8("x"))
    } finally {
      process.umask(before)
    }
    for (const path of ["", "/journal"]) expect(fs.statSync(folder + path).mode & 0o777).toBe(0o700)
    expect(fs.statSync(join(folder, "journal/1.bin")).mode & 0o777).toBe(0o600)
  })

  it("cleans up after a writer that was killed, not after one that lives", async () => {
    const { child } = await elsewhere(
      folder,
      "await state.write('a', new Uint8Array(1)); say('ready'); setInterval(() => {}, 1000)",
    )
    const start = fs.readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]?.split(" ")[19]
    const leftover = join(folder, `a.${child.pid}.${start}.7.tmp`)
    fs.writeFileSync(leftover, "half")
    await createNodeState(folder).write("b", utf8("x"))
    expect(fs.existsSync(leftover)).toBe(true)
    await kill(child)
    await createNodeState(folder).write("b", utf8("x"))
    expect(fs.readdirSync(folder).sort()).toEqual(["a.bin", "b.bin"])
  })

  it("keeps the old value or the new when its writer is killed at any time", async () => {
    const code = "say('ready'); for (let i = 0; ; i++) await state.write('a', new Uint8Array(200_000).fill(i))"
    await createNodeState(folder).write("a", new Uint8Array(200_000))
    for (let round = 0; round < 5; round++) {
      const { child } = await elsewhere(folder, code)
      await new Promise((resolve) => setTimeout(resolve, 7 * round))
      await kill(child)
      const value = await createNodeState(folder).read("a")
      expect(value).toHaveLength(200_000)
      expect(value?.every((byte) => byte === value[0])).toBe(true)
    }
    await createNodeState(folder).write("b", utf8("x"))
    expect(fs.readdirSync(folder).sort()).toEqual(["a.bin", "b.bin"])
  })

  it("says so when it cannot be read", async () => {
    const state = createNodeState(folder)
    await state.write("a", utf8("x"))
    fs.rmSync(join(folder, "a.bin"))
    fs.mkdirSync(join(folder, "a.bin"))
    await expect(state.read("a")).rejects.toMatchObject({ code: "STATE_DAMAGED" })
  })

  it.runIf(MAY_MOUNT)("keeps what it has on a full disk", async () => {
    mountTmpfs(folder, "size=64k")
    const state = createNodeState(folder)
    await state.write("a", utf8("old"))
    await expect(state.write("a", new Uint8Array(1_000_000))).rejects.toMatchObject({ code: "DISK_FULL" })
    expect(await state.read("a")).toEqual(utf8("old"))
    expect(fs.readdirSync(folder)).toEqual(["a.bin"])
  })
})

describe("the lock", () => {
  let folder: string

  beforeEach(() => {
    folder = join(folders.make(), "state")
  })

  it("is refused while another process holds it, and had at once when that is killed", async () => {
    const { child, said } = await elsewhere(folder, HOLD)
    expect(said).toBe("held")
    const state = createNodeState(folder)
    expect(await state.lock()).toBeNull()
    await kill(child)
    const start = performance.now()
    const lock = await state.lock()
    expect(lock).not.toBeNull()
    expect(performance.now() - start).toBeLessThan(1_000)
    await lock?.release()
  })

  it("goes to exactly one of several processes that find its holder dead at the same time", async () => {
    for (let round = 0; round < 3; round++) {
      const { child } = await elsewhere(folder, HOLD)
      // They say so when they are loaded, and go when all are.
      const race =
        "say('ready'); process.stdin.once('data', async () => { say((await state.lock()) ? 'held' : 'refused') }); setInterval(() => {}, 1000)"
      const racers = await Promise.all(Array.from({ length: 4 }, () => elsewhere(folder, race)))
      await kill(child)
      const answers = racers.map(async ({ child }) => {
        const [said] = (await once(child.stdout as NonNullable<typeof child.stdout>, "data")) as [Buffer]
        return said.toString()
      })
      for (const { child } of racers) child.stdin?.write("go")
      expect((await Promise.all(answers)).sort()).toEqual(["held", "refused", "refused", "refused"])
      for (const { child } of racers) await kill(child)
    }
  })

  it("is not thought held because another process has its holder's number", async () => {
    const self = ownIdentity()
    const others = [
      { ...self, start: "1" },
      { ...self, boot: "before the restart" },
      { ...self, pid: 2 ** 22 + 1 },
    ]
    fs.mkdirSync(folder)
    for (const other of others) {
      fs.mkdirSync(join(folder, "lock"))
      fs.writeFileSync(join(folder, "lock/token"), JSON.stringify(other))
      const lock = await createNodeState(folder).lock()
      expect(lock).not.toBeNull()
      await lock?.release()
      fs.rmdirSync(join(folder, "lock"))
    }
  })

  it("is had at once if a power cut took the name of its holder", async () => {
    fs.mkdirSync(join(folder, "lock"), { recursive: true })
    fs.writeFileSync(join(folder, "lock/token"), "\0\0\0")
    expect(await createNodeState(folder).lock()).not.toBeNull()
  })

  it("watches the heartbeat of a holder of whom nothing can be known", async () => {
    fs.mkdirSync(folder)
    const path = join(folder, "lock")
    const heartbeat = { everyMs: 40, patienceMs: 200 }
    const foreign = () => {
      fs.rmSync(path, { recursive: true, force: true })
      fs.mkdirSync(path)
      fs.writeFileSync(join(path, "token"), JSON.stringify({ ...ownIdentity(), space: "another container" }))
    }
    foreign()
    let beats = 0
    const beating = setInterval(() => fs.utimesSync(join(path, "token"), ++beats, beats), heartbeat.everyMs)
    expect(await takeProcessLock(path, heartbeat)).toBeNull()
    clearInterval(beating)
    const lock = await takeProcessLock(path, heartbeat)
    expect(lock).not.toBeNull()
    // And beats itself.
    const token = join(path, fs.readdirSync(path)[0] as string)
    fs.utimesSync(token, 1, 1)
    await expect.poll(() => fs.statSync(token).mtimeMs).toBeGreaterThan(1_000)
    await lock?.release()
  })

  it("leaves nothing behind but an empty folder, also after processes killed on their way in", async () => {
    fs.mkdirSync(join(folder, `lock.${2 ** 22 + 1}-half-made`), { recursive: true })
    const lock = await createNodeState(folder).lock()
    expect(fs.readdirSync(folder)).toEqual(["lock"])
    await lock?.release()
    expect(fs.readdirSync(join(folder, "lock"))).toEqual([])
  })
})

describe("home", () => {
  it("is where SESSYN_HOME says, or the platform's data folder", () => {
    expect(sessynHome({ SESSYN_HOME: "/x/y" })).toBe("/x/y")
    expect(sessynHome({ SESSYN_HOME: "rel" })).toBe(join(process.cwd(), "rel"))
    expect(sessynHome({})).toMatch(/sessyn/)
    expect(workspaceHome("/x", "abc234")).toBe(join("/x", "workspaces", "abc234"))
  })

  it("refuses an id that could lead out", () => {
    for (const id of ["", "..", "a/b", "A", "a b"]) expect(() => workspaceHome("/x", id)).toThrow(TypeError)
  })
})
