/**
 * A sync with a real Git host, of which each request is cut short in every way
 * there is: by the connection, and by the machine's own death.
 *
 * @module
 */
import { rename, symlink } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { contentsBelow, problemsOf, sweepHost, syncAll } from "../../support/crash/checks.node.ts"
import { buildMortal, createLane, type Lane, type Program } from "../../support/crash/lanes.node.ts"
import { makeMachine } from "../../support/crash/tasks.node.ts"
import { planOf, setUpWorld } from "../../support/crash/world.node.ts"
import { type Fault, type GitServer, startGitServer } from "../../support/gitServer.node.ts"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"

const folders = createTemporaryFolders()
let program: Program
let server: GitServer
let lane: Lane
let contents: ReadonlySet<string>

beforeAll(async () => {
  program = await buildMortal()
  server = await startGitServer()
  const setUp = async (made: Lane): Promise<void> => {
    // The lane restores the vault; the server finds it there.
    await rename(server.path, made.vault)
    await symlink(made.vault, server.path)
    await setUpWorld(made)
  }
  lane = await createLane(folders.make(), setUp, server.url)
  contents = contentsBelow(join(lane.folder, "a"), join(lane.folder, "b"))
})
afterAll(async () => {
  program.remove()
  await server.close()
  folders.remove()
})

const task = { kind: "sync" } as const

/** Syncs on; what is wrong then. */
async function aftermath(): Promise<readonly string[]> {
  server.onRequest(undefined)
  const [a, b] = [makeMachine(planOf(lane, "a")), makeMachine(planOf(lane, "b"))]
  const problems = await syncAll(a, b)
  await sweepHost(lane.vault)
  return [...problems, ...(await problemsOf(lane.folder, [a, b], contents))]
}

describe("a sync with a Git host", () => {
  const failures: string[] = []
  const note = (what: string, problems: readonly string[]) => {
    if (problems.length > 0) failures.push(`${what}: ${problems.join("; ")}`)
  }

  async function countRequests(): Promise<number> {
    await lane.restore()
    const before = server.log.length
    await makeMachine(planOf(lane, "a")).sync({ allowMassDelete: true })
    return server.log.length - before
  }

  it("goes on after the connection died before, in, and after any request", { timeout: 600_000 }, async () => {
    const requests = await countRequests()
    expect(requests).toBeGreaterThan(6)
    for (let at = 0; at < requests; at++) {
      for (const when of ["before", "upload", "done", "answer"] as const) {
        await lane.restore()
        server.onRequest((index): Fault | undefined => (index === at ? { kind: "drop", when } : undefined))
        const failed = await makeMachine(planOf(lane, "a"))
          .sync({ allowMassDelete: true })
          .then(
            () => false,
            () => true,
          )
        // A cleaning that fails is none of the sync's business.
        if (!failed && when === "before" && at < requests - 3) note(`request ${at} ${when}`, ["nobody noticed"])
        note(`request ${at} ${when}`, await aftermath())
      }
    }
    expect(failures).toEqual([])
  })

  it("goes on after the machine died at any request", { timeout: 600_000 }, async () => {
    const requests = await countRequests()
    for (let at = 0; at < requests; at++) {
      for (const when of ["upload", "done", "answer"] as const) {
        await lane.restore()
        let kill = (): void => {}
        server.onRequest((index) => (index === at ? { kind: "drop", when, first: () => kill() } : undefined))
        const end = await program.run({ plan: planOf(lane, "a"), task, kill: null }, (it) => {
          kill = it
        })
        if (end.kind !== "killed") note(`request ${at} ${when}`, ["it survived"])
        note(`request ${at} ${when}`, await aftermath())
      }
    }
    expect(failures).toEqual([])
  })

  it("goes on after the machine died in the middle of what it sent", { timeout: 600_000 }, async () => {
    for (const part of [0.1, 0.5, 0.9]) {
      await lane.restore()
      const until = part * 2_000_000
      let kill = (): void => {}
      let sent = 0
      server.onRequest(() => undefined)
      const first = server.log.length
      server.onTraffic(() => {
        sent = server.log.slice(first).reduce((sum, { upBytes }) => sum + upBytes, 0)
        if (sent >= until) kill()
      })
      const end = await program.run({ plan: planOf(lane, "a"), task, kill: null }, (it) => {
        kill = it
      })
      server.onTraffic(undefined)
      if (end.kind !== "killed") note(`at ${part}`, ["it survived"])
      note(`at ${part}`, await aftermath())
    }
    expect(failures).toEqual([])
  })
})
