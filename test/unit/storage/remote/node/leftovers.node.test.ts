import { randomBytes } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { openLocalGitStore } from "../../../../../storage/remote/node/localGitStore.ts"
import { createTemporaryFolders } from "../../../../support/temporaryFolders.node.ts"

const folders = createTemporaryFolders()
afterAll(() => folders.remove())

const BRANCH = "sessyn/w/main"
const commit = (parent: string | null) => ({ branch: BRANCH, parent, snapshot: new Map([["a", Uint8Array.of(1)]]) })

function leave(path: string, ageMs: number, text = ""): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  const time = (Date.now() - ageMs) / 1000
  utimesSync(path, time, time)
  return path
}

describe("a repository after a power cut", () => {
  it.concurrent("can be written to again although a branch was about to move", async () => {
    const path = join(folders.make(), "vault.git")
    const store = await openLocalGitStore({ path, create: true })
    const lock = leave(join(path, "refs/heads", `${BRANCH}.lock`), 60_000)
    expect((await store.commit(commit(null))).kind).toBe("committed")
    expect(existsSync(lock)).toBe(false)
  })

  it.concurrent("keeps a lock that somebody may hold", async () => {
    const path = join(folders.make(), "vault.git")
    const store = await openLocalGitStore({ path, create: true })
    const lock = leave(join(path, "refs/heads", `${BRANCH}.lock`), 0)
    await expect(store.commit(commit(null))).rejects.toMatchObject({ code: "STORE_FAILED" })
    expect(existsSync(lock)).toBe(true)
  })

  it("loses halves of pushes that nobody is at any more", async () => {
    const path = join(folders.make(), "vault.git")
    await openLocalGitStore({ path, create: true })
    const hour = 60 * 60 * 1000
    const old = leave(join(path, "objects/tmp_objdir-incoming-a/pack/tmp_pack_b"), 2 * hour)
    const keep = leave(join(path, "objects/pack/pack-e.keep"), 2 * hour, "receive-pack 12 on host\n")
    const users = leave(join(path, "objects/pack/pack-f.keep"), 2 * hour, "dear to me\n")
    const growing = leave(join(path, "objects/tmp_objdir-incoming-c/pack/tmp_pack_d"), 0)
    for (const name of ["a", "a/pack", "c", "c/pack"]) {
      const time = (Date.now() - 2 * hour) / 1000
      utimesSync(join(path, `objects/tmp_objdir-incoming-${name}`), time, time)
    }
    await openLocalGitStore({ path, create: false })
    expect([old, keep].map(existsSync)).toEqual([false, false])
    expect([growing, users].map(existsSync)).toEqual([true, true])
  })

  it.each([
    ["refused", () => undefined],
    ["cut short", (round: number) => AbortSignal.timeout(round)],
  ])("holds nothing of a push that was %s, as soon as that is known", async (_, signalOf) => {
    const path = join(folders.make(), "vault.git")
    const store = await openLocalGitStore({ path, create: true })
    mkdirSync(join(path, "hooks"))
    writeFileSync(join(path, "hooks/pre-receive"), "#!/bin/sh\nexit 1\n", { mode: 0o755 })
    const snapshot = new Map([["a", new Uint8Array(randomBytes(4 << 20))]])
    for (let round = 1; round <= 40; round++) {
      const push = store.commit({ branch: BRANCH, parent: null, snapshot }, { signal: signalOf(round) })
      await expect(push).rejects.toThrow()
      expect(readdirSync(join(path, "objects")).filter((name) => name.startsWith("tmp_"))).toEqual([])
    }
  })

  it("says of a push that was broken off that it was, not that half a pack came", async () => {
    const store = await openLocalGitStore({ path: join(folders.make(), "vault.git"), create: true })
    const stop = new AbortController()
    const reason = new Error("enough")
    const snapshot = new Map([["a", new Uint8Array(randomBytes(4 << 20))]])
    const onBytes = (count: number): void => {
      if (count > 10_000) stop.abort(reason)
    }
    const push = store.commit({ branch: BRANCH, parent: null, snapshot }, { signal: stop.signal, onBytes })
    await expect(push).rejects.toBe(reason)
  })

  it("loses what was about to become a repository, unless somebody is at it", async () => {
    const folder = folders.make()
    mkdirSync(join(folder, `vault.git.new-${2 ** 22 + 1}-ab`))
    mkdirSync(join(folder, `vault.git.new-${process.pid}-cd`))
    await openLocalGitStore({ path: join(folder, "vault.git"), create: true })
    expect(readdirSync(folder).sort()).toEqual(["vault.git", `vault.git.new-${process.pid}-cd`])
  })
})
