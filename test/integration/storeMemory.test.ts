import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { expect, it } from "vitest"
import { startGitServer } from "../support/gitServer.node.ts"

const run = promisify(execFile)
const MIB = 1024 * 1024

/** A client of its own, so that its memory is its own. Prints the most that it used beyond its payload, in bytes. */
const CLIENT = `
import { randomFillSync } from "node:crypto"
import { openGitHttpStore } from "./storage/remote/node/gitHttpStore.ts"
const credentials = { find: async () => undefined, approve: async () => {}, reject: async () => {} }
const [url, task, head] = process.argv.slice(1)
const store = openGitHttpStore({ url, credentials })
await store.branches("")
const files = new Map()
if (task === "up") for (let i = 0; i < 25; i++) files.set("packs/aa/" + i, randomFillSync(new Uint8Array(8 * 1024 * 1024)))
const before = process.memoryUsage.rss()
let commit = head
if (task === "up") commit = (await store.commit({ branch: "sessyn/aaaa/main", parent: null, snapshot: files })).head
else await store.read([...(await store.snapshot(head)).values()], () => {})
console.log(JSON.stringify({ commit, extraBytes: process.resourceUsage().maxRSS * 1024 - before }))
await store.close()
`

it("moves 200 MiB up and down in a small part of that memory", async () => {
  const server = await startGitServer()
  try {
    const client = async (...args: string[]): Promise<{ commit: string; extraBytes: number }> => {
      const { stdout } = await run(process.execPath, ["--input-type=module", "-e", CLIENT, server.url, ...args])
      return JSON.parse(stdout)
    }
    const up = await client("up")
    const down = await client("down", up.commit)
    expect(up.extraBytes).toBeLessThan(190 * MIB)
    expect(down.extraBytes).toBeLessThan(190 * MIB)
    console.info(`200 MiB: ${Math.round(up.extraBytes / MIB)} MiB up, ${Math.round(down.extraBytes / MIB)} MiB down`)
  } finally {
    await server.close()
  }
})
