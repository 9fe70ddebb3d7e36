import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { createServer } from "node:net"
import { once } from "node:events"
import { join } from "node:path"
import { afterAll, beforeEach, describe, expect, it } from "vitest"
import { createThreadIntake } from "../../../../src/platform/node/intake/threadIntake.ts"
import { createNodeCompressor } from "../../../../src/platform/node/nodeCompressor.ts"
import { createNodeCrypto } from "../../../../src/platform/node/nodeCrypto.ts"
import { createNodeWorkspace } from "../../../../src/platform/node/workspace/nodeWorkspace.ts"
import { createIgnoreRules } from "../../../../src/tree/scan/ignoreRules.ts"
import { type ScanInput, scan } from "../../../../src/tree/scan/scan.ts"
import { remember, type ScanCache } from "../../../../src/tree/scan/scanCache.ts"
import { prepareStateFolder } from "../../../../src/tree/stateFolder.ts"
import { createTemporaryFolders } from "../../../support/temporaryFolders.node.ts"
import { about } from "../../../support/trees.ts"

const folders = createTemporaryFolders()
afterAll(folders.remove)

const crypto = createNodeCrypto()
const NOBODY = 65534
const IS_ROOT = process.geteuid?.() === 0

describe.each([
  ["by the workspace", false],
  ["by an intake", true],
])("a scan of a real folder, read %s", (_, hasIntake) => {
  let root: string

  beforeEach(async () => {
    root = folders.make()
    await prepareStateFolder(createNodeWorkspace(root), "abc")
  })

  const look = async (cache: ScanCache = new Map(), more: Partial<ScanInput> = {}) => {
    const workspace = createNodeWorkspace(root)
    const compressor = createNodeCompressor()
    const intake = hasIntake ? createThreadIntake({ root: workspace.root, crypto, compressor, keeps: true }) : undefined
    try {
      const input = { workspace, crypto, rules: createIgnoreRules(), cache, workspaceId: "abc", intake }
      return await scan({ ...input, ...more })
    } finally {
      await intake?.close()
    }
  }

  it("holds sockets, FIFOs and names that are not UTF-8, and goes on", async () => {
    execFileSync("mkfifo", [join(root, "fifo")])
    const server = createServer().listen(join(root, "socket"))
    await once(server, "listening")
    fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/bad`), Buffer.from([0xff])]), "x")
    fs.symlinkSync("loop", join(root, "loop"))
    fs.writeFileSync(join(root, "fine"), "x")
    const { nodes, held } = await look()
    server.close()
    expect(Object.fromEntries(held)).toEqual({
      fifo: "not-a-file",
      socket: "not-a-file",
      "bad\ufffd": "name-not-unicode",
    })
    expect([...nodes.keys()].sort()).toEqual(["fine", "loop"])
  })

  it.runIf(IS_ROOT)("holds what it may not read", async () => {
    fs.chmodSync(root, 0o755)
    fs.rmSync(join(root, ".sessyn"), { recursive: true })
    fs.mkdirSync(join(root, "closed"), { mode: 0o700 })
    fs.mkdirSync(join(root, "open"), { mode: 0o755 })
    fs.writeFileSync(join(root, "open/secret"), "x", { mode: 0o600 })
    process.seteuid?.(NOBODY)
    try {
      const workspace = createNodeWorkspace(root)
      const { nodes, held } = await scan({
        workspace,
        crypto,
        rules: createIgnoreRules(),
        cache: new Map(),
        workspaceId: null,
      })
      expect(Object.fromEntries(held)).toEqual({ closed: "unreadable", "open/secret": "unreadable" })
      expect([...nodes.keys()]).toEqual(["open"])
    } finally {
      process.seteuid?.(0)
    }
  })

  it("holds a file that another process keeps writing, and knows it when that is done", async () => {
    const path = join(root, "log")
    fs.writeFileSync(path, Buffer.alloc(2_000_000))
    const busy = createNodeWorkspace(root)
    const workspace = new Proxy(busy, {
      get: (target, key) =>
        key === "readPieces"
          ? (name: string, onPiece: (bytes: Uint8Array) => void) =>
              target.readPieces(name, (bytes) => {
                fs.appendFileSync(path, "one more line\n")
                onPiece(bytes)
              })
          : (Reflect.get(target, key) as unknown),
    })
    const parts = { crypto, rules: createIgnoreRules(), cache: new Map(), workspaceId: "abc" }
    expect(Object.fromEntries((await scan({ ...parts, workspace })).held)).toEqual({ log: "changing" })
    const { nodes } = await look()
    expect(nodes.get("log")).toMatchObject({ hash: crypto.sha256(fs.readFileSync(path)) })
  })

  it("sees an edit of the same size in the same moment as the scan before", async () => {
    const path = join(root, "a")
    let cache: ScanCache = new Map()
    for (let i = 0; i < 60; i++) {
      fs.writeFileSync(path, String(i % 10))
      const { nodes, seen, diskModes } = await look(cache)
      expect(nodes.get("a")).toMatchObject({ hash: crypto.sha256(fs.readFileSync(path)) })
      cache = remember(cache, nodes, about, seen, diskModes)
      // At once: most likely within the same tick of the file system's clock.
      fs.writeFileSync(path, String((i + 5) % 10))
      expect((await look(cache)).nodes.get("a")).toMatchObject({ hash: crypto.sha256(fs.readFileSync(path)) })
    }
  })

  it("goes through ten thousand files in seconds, and through unchanged ones without reading", async () => {
    for (let i = 0; i < 10_000; i++) {
      const folder = join(root, `d${i % 100}`)
      if (i < 100) fs.mkdirSync(folder)
      fs.writeFileSync(join(folder, `f${i}`), `content ${i}`)
    }
    const start = performance.now()
    const first = await look()
    expect(first.nodes.size).toBe(10_100)
    const cache = remember(new Map(), first.nodes, about, first.seen, first.diskModes)
    const unread = () => expect.unreachable("nothing is read")
    await look(cache, { onContent: unread, onReady: unread })
    expect(performance.now() - start).toBeLessThan(10_000)
  })
})
