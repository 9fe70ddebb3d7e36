/**
 * What is left of keys in a process that has locked the vault: in all of its
 * memory, as the system shows it, and in a heap snapshot.
 *
 * @module
 */
import { spawn } from "node:child_process"
import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, it } from "vitest"
import { toBase64, toHex } from "../../../crypto/bytes.ts"
import { Secret } from "../../../crypto/secret.ts"
import { createFileKeychain } from "../../../src/platform/node/fileKeychain.ts"
import { createNodeCrypto } from "../../../src/platform/node/nodeCrypto.ts"
import { createEpochKeys } from "../../../storage/keys.ts"
import { createMachine } from "../../support/machine.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"

const HOLDER = fileURLToPath(new URL("../../support/memory/keyHolder.node.ts", import.meta.url))
const crypto = createNodeCrypto()
const folders = createTemporaryFolders()
afterAll(() => folders.remove())

/** A machine with a vault, whose key is remembered in a file, and a process that has it open. */
async function openElsewhere() {
  const folder = folders.make()
  const keychain = createFileKeychain(join(folder, "keys"))
  const machine = createMachine({ name: "a", folder, keychain })
  const { workspace } = await machine.engine.init({ root: machine.root, machineName: "a", remember: true })
  const child = spawn(process.execPath, ["--expose-gc", HOLDER, folder], { stdio: ["pipe", "pipe", "inherit"] })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    folder,
    pid: child.pid as number,
    async does(step: "sync" | "rotate" | "write" | "lock" | "snapshot"): Promise<void> {
      child.stdin.write(`${step}\n`)
      expect(await answers.next()).toEqual({ value: "done", done: false })
    },
    /** The workspace key of the newest epoch, and what is derived from it. */
    async keys(): Promise<ReadonlyMap<string, Uint8Array>> {
      const kept = (await keychain.read(`workspace-key-${workspace}`)) as Secret
      const bytes = kept.expose()
      const epoch = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
      const keys = createEpochKeys(crypto, workspace, epoch, new Secret(bytes.slice(4)))
      const named = { workspace: keys.key, mac: keys.mac, path: keys.path, "machine keys": keys.machineKeys }
      return new Map(Object.entries(named).map(([name, key]) => [`${name} ${epoch}`, key.expose()]))
    },
    close: () => child.stdin.end(),
  }
}

/** Which of the keys lie anywhere in a process's writable memory. */
function foundIn(pid: number, keys: ReadonlyMap<string, Uint8Array>): ReadonlySet<string> {
  const found = new Set<string>()
  const memory = openSync(`/proc/${pid}/mem`, "r")
  for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line)
    if (range === null || line.includes("[vvar") || line.includes("[vsyscall")) continue
    const [start, end] = [Number(`0x${range[1]}`), Number(`0x${range[2]}`)]
    const bytes = Buffer.alloc(end - start)
    try {
      if (readSync(memory, bytes, 0, bytes.length, start) === 0) continue
    } catch {
      continue // a part that is reserved and not there
    }
    for (const [name, key] of keys) if (bytes.includes(Buffer.from(key))) found.add(name)
  }
  closeSync(memory)
  return found
}

describe.runIf(process.platform === "linux")("a process that has locked the vault", () => {
  it("holds its key nowhere in memory, nor in a heap snapshot", { timeout: 120_000 }, async () => {
    const holder = await openElsewhere()
    const keys = new Map(await holder.keys())
    await holder.does("write")
    await holder.does("sync")
    await holder.does("rotate")
    for (const [name, key] of await holder.keys()) keys.set(name, key)
    expect(keys.size).toBe(8)
    const open = foundIn(holder.pid, keys)
    expect([...open]).toEqual(expect.arrayContaining(["workspace 1", "workspace 2", "mac 2"]))

    await holder.does("lock")
    expect([...foundIn(holder.pid, keys)]).toEqual([])

    await holder.does("snapshot")
    expect(readdirSync(holder.folder)).toContain("snapshot")
    const snapshot = readFileSync(join(holder.folder, "snapshot"), "latin1")
    for (const key of keys.values()) {
      for (const text of [toHex(key), toBase64(key), Buffer.from(key).toString("latin1")])
        expect(snapshot).not.toContain(text)
    }
    holder.close()
  })
})
