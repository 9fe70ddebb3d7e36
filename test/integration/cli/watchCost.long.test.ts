/**
 * What `watch` costs when nothing happens, how soon an edit is elsewhere through
 * the store alone, and what a storm of saves comes to.
 */
import { existsSync, mkdirSync, readFileSync, watch, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type GitServer, startGitServer } from "../../support/gitServer.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { createMachine, type Machine, pair, type Running } from "./command.ts"

const FILES = 2000
const POLL_SECONDS = 10
/** Debouncing, and two syncs on a busy machine. */
const SLACK_SECONDS = 10
const SAVES = 1000
const ROUNDS = 5
/** Linux counts a process's time in hundredths of a second. */
const TICKS_PER_SECOND = 100

const folders = createTemporaryFolders()
let server: GitServer
let laptop: Machine
let desk: Machine
let watching: { readonly laptop: Running; readonly desk: Running }

beforeAll(async () => {
  const folder = folders.make()
  server = await startGitServer()
  laptop = createMachine(folder, "laptop")
  desk = createMachine(folder, "desk")
  mkdirSync(join(laptop.root, "src"))
  for (let i = 0; i < FILES; i++) writeFileSync(join(laptop.root, "src", `file-${i}.ts`), `export const n = ${i}\n`)
  await pair(laptop, desk, server.url)
  watching = { laptop: laptop.start(["watch"]), desk: desk.start(["watch"]) }
  await Promise.all([watching.laptop.says("in sync"), watching.desk.says("in sync")])
}, 120_000)

afterAll(async () => {
  for (const { child } of Object.values(watching ?? {})) child.kill("SIGKILL")
  await server?.close()
  folders.remove()
})

/** User and system time of a process so far, in seconds (proc(5)). */
function cpuSeconds({ child }: Running): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8")
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** Resolves when that many more requests have been answered. */
function requests(count: number): Promise<void> {
  const until = server.log.length + count
  return new Promise((resolve) => {
    server.onTraffic(() => {
      if (server.log.length < until) return
      server.onTraffic(undefined)
      resolve()
    })
  })
}

/** Resolves when the file has that content. */
function arrives(root: string, name: string, text: string): Promise<void> {
  const path = join(root, name)
  return new Promise((resolve) => {
    const look = (): void => {
      if (!existsSync(path) || readFileSync(path, "utf8") !== text) return
      watcher.close()
      resolve()
    }
    const watcher = watch(root, look)
    look()
  })
}

/** How much of a core each machine took while both looked at the store once. */
async function sharesOfAPoll(): Promise<number[]> {
  const both = [watching.laptop, watching.desk]
  const started = performance.now()
  const before = both.map(cpuSeconds)
  await requests(2)
  const seconds = (performance.now() - started) / 1000
  return both.map((machine, i) => (cpuSeconds(machine) - (before[i] as number)) / seconds)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number
}

const pushes = (from: number): number =>
  server.log.slice(from).filter(({ method, path }) => method === "POST" && path.endsWith("/git-receive-pack")).length

describe("watch through a Git host", () => {
  it("costs next to nothing when nothing happens: one request a poll, no processor", { timeout: 300_000 }, async () => {
    // Whatever the start left to do.
    await requests(2)
    const from = server.log.length
    const started = performance.now()
    const shares: number[][] = []
    for (let round = 0; round < ROUNDS; round++) shares.push(await sharesOfAPoll())
    const seconds = (performance.now() - started) / 1000
    const polls = server.log.slice(from)
    // Of all rounds: in one of them V8 may tidy up after the start.
    const usual = [0, 1].map((machine) => median(shares.map((each) => each[machine] as number)))
    console.info(
      `idle: ${polls.length} requests in ${seconds.toFixed(1)} s, ${usual.map(percent).join(" and ")} of a core`,
    )
    expect(polls.length).toBe(2 * ROUNDS)
    expect(seconds).toBeGreaterThan((ROUNDS - 1) * POLL_SECONDS * 0.9)
    for (const { method, path } of polls)
      expect([method, path]).toEqual(["POST", expect.stringMatching(/git-upload-pack$/)])
    for (const share of usual) expect(share).toBeLessThanOrEqual(0.005)
  })

  it("brings an edit to the other machine within a poll", { timeout: 120_000 }, async () => {
    writeFileSync(join(laptop.root, "edited.txt"), "now")
    await watching.laptop.says("sent edited.txt")
    const sent = performance.now()
    await arrives(desk.root, "edited.txt", "now")
    const seconds = (performance.now() - sent) / 1000
    console.info(`an edit: ${seconds.toFixed(1)} s after it was sent`)
    expect(seconds).toBeLessThan(POLL_SECONDS + SLACK_SECONDS)
  })

  it("makes few syncs of a storm of saves, and all of them arrive", { timeout: 300_000 }, async () => {
    const from = server.log.length
    const started = performance.now()
    for (let i = 1; i <= SAVES; i++) {
      writeFileSync(join(laptop.root, `storm-${i % 20}.txt`), `save ${i}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await arrives(desk.root, "storm-0.txt", `save ${SAVES}`)
    const minutes = (performance.now() - started) / 60_000
    for (let i = SAVES - 19; i <= SAVES; i++) await arrives(desk.root, `storm-${i % 20}.txt`, `save ${i}`)
    console.info(`${SAVES} saves: ${pushes(from)} pushes in ${(minutes * 60).toFixed(1)} s`)
    expect(pushes(from)).toBeLessThanOrEqual(6 * Math.ceil(minutes))
  })

  it("does not hold up a sync that is asked for", { timeout: 60_000 }, async () => {
    writeFileSync(join(laptop.root, "asked.txt"), "for")
    await laptop.ok(["sync"])
    await arrives(desk.root, "asked.txt", "for")
  })
})

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`
}
