import { execFileSync } from "node:child_process"
import { chmod, mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { utf8 } from "../../crypto/bytes.ts"
import { Secret } from "../../crypto/secret.ts"
import type { CredentialSource } from "../../storage/remote/node/gitCredentials.ts"
import { type GitHttpStoreOptions, openGitHttpStore } from "../../storage/remote/node/gitHttpStore.ts"
import { createRetryStore } from "../../storage/remote/retryStore.ts"
import type { Commit, ObjectId, Store } from "../../storage/remote/store.ts"
import { committed, random, readAll, same } from "../conformance/store.ts"
import { auditRepository, gitSays } from "../support/gitAudit.node.ts"
import { type Fault, type GitServer, type GitServerOptions, startGitServer } from "../support/gitServer.node.ts"
import { createInstantClock, storeFault } from "../support/testStores.ts"

const MAIN = "sessyn/aaaa/main"
const none: CredentialSource = { find: async () => undefined, approve: async () => {}, reject: async () => {} }

let servers: GitServer[] = []
let stores: Store[] = []

afterEach(async () => {
  for (const store of stores) await store.close()
  for (const server of servers) {
    await auditRepository(server.path)
    await server.close()
  }
  servers = []
  stores = []
})

async function host(options: GitServerOptions = {}): Promise<GitServer> {
  const server = await startGitServer(options)
  servers.push(server)
  return server
}

function client(server: GitServer, options: Partial<GitHttpStoreOptions> = {}): Store {
  const store = openGitHttpStore({ url: server.url, credentials: none, ...options })
  stores.push(store)
  return store
}

async function commitTo(
  store: Store,
  parent: ObjectId | null,
  files: Record<string, Uint8Array>,
  more: Partial<Commit> = {},
) {
  const snapshot = new Map(Object.entries(files))
  return committed(await store.commit({ branch: MAIN, parent, snapshot, ...more }))
}

describe("Git over HTTP: requests", () => {
  it("asks once to see that nothing changed, once to commit, once for a snapshot, once for objects", async () => {
    const server = await host()
    const first = await commitTo(client(server), null, { a: utf8("1"), "packs/aa/1": random(1, 100_000) })
    const store = client(server)
    const asked = async (call: () => Promise<unknown>): Promise<string[]> => {
      server.log.length = 0
      await call()
      return server.log.map((request) => `${request.method} ${request.path}`)
    }
    const upload = ["POST /vault.git/git-upload-pack"]
    expect(await asked(() => store.branches("sessyn/aaaa/"))).toEqual(upload)
    expect(await asked(() => store.snapshot(first.head))).toEqual(upload)
    expect(await asked(() => store.snapshot(first.head))).toEqual([])
    expect(await asked(() => store.read([...first.snapshot.values()], () => {}))).toEqual(upload)
    const receive = ["POST /vault.git/git-receive-pack"]
    expect(await asked(() => commitTo(store, first.head, { a: utf8("2") }))).toEqual(receive)
    expect(server.log.every((request) => request.contentLength !== undefined)).toBe(true)
  })

  it("fetches only the trees that changed", async () => {
    const server = await host()
    const writer = client(server)
    const reader = client(server)
    const files: Record<string, Uint8Array> = {}
    for (let i = 0; i < 400; i++) files[`packs/${(i % 100).toString(10)}/${i}`] = utf8(`${i}`)
    const first = await commitTo(writer, null, files)
    await reader.branches(MAIN)
    await reader.snapshot(first.head)
    const second = await commitTo(writer, first.head, { ...files, "packs/7/new": utf8("n") })
    await reader.branches(MAIN)
    server.log.length = 0
    expect((await reader.snapshot(second.head)).size).toBe(401)
    expect(server.log).toHaveLength(1)
    expect(server.log[0]?.downBytes).toBeLessThan(4_000)
  })

  it("signs in before a long upload, and does not send it twice", async () => {
    const credential = { username: "u", password: "p" }
    const server = await host({ credential })
    const password = { username: "u", password: new Secret(utf8("p")) }
    const store = client(server, { credentials: { ...none, find: async () => password } })
    await commitTo(store, null, { "packs/aa/1": random(2, 3_000_000) })
    const posts = server.log.filter((request) => request.method === "POST")
    expect(posts).toHaveLength(1)
    expect(posts[0]?.upBytes).toBeLessThan(3_100_000)
    expect(posts[0]?.authorization).toBeDefined()
  })
})

describe("Git over HTTP: broken connections", () => {
  /** All that a client does in a sync. */
  async function sync(store: Store, base: ObjectId, pack: Uint8Array): Promise<ObjectId> {
    await store.branches("sessyn/aaaa/")
    const snapshot = await store.snapshot(base)
    await readAll(store, snapshot)
    const next = new Map<string, Uint8Array | ObjectId>([...snapshot, ["packs/bb/2", pack]])
    const result = committed(await store.commit({ branch: MAIN, parent: base, snapshot: next }))
    return result.head
  }

  for (const when of ["before", "upload", "done", "answer"] as const) {
    it(`survives one at every request (${when}), and commits once`, async () => {
      const server = await host()
      let { head } = await commitTo(client(server), null, { a: utf8("1"), "packs/aa/1": random(3, 1_500_000) })
      let length = 1
      for (let n = 0; ; n++) {
        let isBroken = false
        const clock = createInstantClock()
        const store = createRetryStore(client(server), { clock, random: () => 0.5 })
        server.onRequest((index) => {
          isBroken ||= index === n
          return index === n ? { kind: "drop", when } : undefined
        })
        head = await sync(store, head, random(10 + n, 1_200_000))
        server.onRequest(undefined)
        expect(clock.waitsMs).toHaveLength(isBroken ? 1 : 0)
        expect(await store.branches(MAIN)).toEqual([{ name: MAIN, head }])
        expect(await store.history(head, 100)).toHaveLength(++length)
        if (!isBroken) break
      }
      expect(length).toBeGreaterThan(5)
      await auditRepository(server.path)
    })
  }

  it("finds its own commit under another one that came on top", async () => {
    const server = await host()
    const first = await commitTo(client(server), null, { a: utf8("1") })
    const other = client(server)
    server.onRequest((index) => (index === 0 ? { kind: "drop", when: "done" } : undefined))
    const clock = createInstantClock()
    const sleep = clock.sleep
    const busy = async (ms: number): Promise<void> => {
      const branches = await other.branches(MAIN)
      await commitTo(other, branches[0]?.head ?? null, { a: utf8("on top") })
      await sleep(ms)
    }
    const store = createRetryStore(client(server), { clock: { ...clock, sleep: busy }, random: () => 0.5 })
    let prepared: ObjectId | undefined
    const result = await commitTo(store, first.head, { a: utf8("2") }, { onPrepared: (each) => (prepared = each.head) })
    expect(result.head).toBe(prepared)
    expect((await store.history((await store.branches(MAIN))[0]?.head as ObjectId, 9))[1]).toBe(prepared)
  })

  it("gives up on a host that is silent", async () => {
    const server = await host()
    server.onRequest(() => ({ kind: "silence" }))
    const error = await storeFault(client(server, { inactivityMs: 150 }).branches("sessyn/"))
    expect(error).toMatchObject({ code: "STORE_UNREACHABLE", transient: true })
  })

  it("stops waiting when it is told to", async () => {
    const server = await host()
    const control = new AbortController()
    const reason = new Error("enough")
    server.onRequest(() => {
      setImmediate(() => control.abort(reason))
      return { kind: "silence" }
    })
    await expect(client(server).branches("sessyn/", { signal: control.signal })).rejects.toBe(reason)
  })

  it("says that nobody listens", async () => {
    const server = await startGitServer()
    await server.close()
    expect(await storeFault(client(server).branches("sessyn/"))).toMatchObject({
      code: "STORE_UNREACHABLE",
      transient: true,
    })
  })
})

describe("Git over HTTP: statuses", () => {
  const at = 1_700_000_000_000
  const cases: [number, Record<string, string>, string, object][] = [
    [401, {}, "", { code: "STORE_UNAUTHENTICATED", transient: false }],
    [403, {}, "no", { code: "STORE_FORBIDDEN", transient: false }],
    [403, { "retry-after": "7" }, "", { code: "STORE_RATE_LIMITED", transient: true, retryAfterMs: 7_000 }],
    [403, {}, "You have exceeded a secondary rate limit", { code: "STORE_RATE_LIMITED", transient: true }],
    [404, {}, "", { code: "STORE_NOT_FOUND", transient: false }],
    [409, {}, "", { code: "STORE_FAILED", transient: true }],
    [413, {}, "", { code: "STORE_FORBIDDEN", transient: false }],
    [422, {}, "", { code: "STORE_FAILED", transient: false }],
    [429, {}, "", { code: "STORE_RATE_LIMITED", transient: true, retryAfterMs: undefined }],
    [429, { "retry-after": "30" }, "", { code: "STORE_RATE_LIMITED", retryAfterMs: 30_000 }],
    [
      429,
      { "retry-after": new Date(at + 5_000).toUTCString() },
      "",
      { code: "STORE_RATE_LIMITED", retryAfterMs: 5_000 },
    ],
    [500, {}, "", { code: "STORE_FAILED", transient: true }],
    [502, {}, "<html>", { code: "STORE_FAILED", transient: true }],
    [503, { "retry-after": "2" }, "", { code: "STORE_FAILED", transient: true, retryAfterMs: 2_000 }],
    [504, {}, "", { code: "STORE_FAILED", transient: true }],
    [507, {}, "", { code: "STORE_FULL", transient: false }],
  ]

  it.each(cases)("maps %i %o for every call, and recovers", async (status, headers, body, expected) => {
    const server = await host()
    const first = await commitTo(client(server), null, { a: utf8("1") })
    const store = client(server, { now: () => at })
    server.onRequest(() => ({ kind: "status", status, headers, body }))
    const big = new Map([["packs/aa/1", random(4, 2_000_000)]])
    for (const call of [
      () => store.branches("sessyn/"),
      () => store.snapshot(first.head),
      () => store.read([...first.snapshot.values()], () => {}),
      () => store.history(first.head, 5),
      () => store.commit({ branch: MAIN, parent: first.head, snapshot: new Map([["a", utf8("2")]]) }),
      () => store.commit({ branch: MAIN, parent: first.head, snapshot: big }),
      () => store.deleteBranch({ name: MAIN, head: first.head }),
    ]) {
      expect(await storeFault(call())).toMatchObject(expected)
    }
    server.onRequest(undefined)
    expect(await store.branches("sessyn/")).toEqual([{ name: MAIN, head: first.head }])
    await store.commit({ branch: MAIN, parent: first.head, snapshot: big })
  })

  it("does not take a page for a repository", async () => {
    const server = await host()
    const page = {
      kind: "status",
      status: 200,
      headers: { "content-type": "text/html" },
      body: "<html>sign in</html>",
    } as const
    server.onRequest(() => page)
    expect(await storeFault(client(server).branches("sessyn/"))).toMatchObject({
      code: "STORE_MALFORMED",
      transient: false,
    })
  })

  it("says that there is no such repository", async () => {
    const server = await host()
    const store = openGitHttpStore({ url: `${server.origin}/nobody.git`, credentials: none })
    stores.push(store)
    expect((await storeFault(store.branches("sessyn/"))).code).toBe("STORE_NOT_FOUND")
    expect((await storeFault(store.commit({ branch: MAIN, parent: null, snapshot: new Map() }))).code).toBe(
      "STORE_NOT_FOUND",
    )
  })
})

describe("Git over HTTP: redirects", () => {
  const moved = (location: string): Fault => ({ kind: "status", status: 301, headers: { location } })

  it("follows one within the host, and remembers it", async () => {
    const server = await host()
    server.onRequest((_, { path }) => (path.startsWith("/old.git") ? moved(path.replace("old", "vault")) : undefined))
    const store = openGitHttpStore({ url: `${server.origin}/old.git`, credentials: none })
    stores.push(store)
    expect(await store.branches("sessyn/")).toEqual([])
    await commitTo(store, null, { "packs/aa/1": random(5, 2_000_000) })
    expect(server.log.filter((request) => request.path.startsWith("/old.git"))).toHaveLength(1)
  })

  it("refuses one to another host, and shows that host no credential", async () => {
    const server = await host()
    const thief = await host()
    server.onRequest((_, { path }) => moved(thief.origin + path))
    const credential = { username: "u", password: new Secret(utf8("p")) }
    const store = client(server, { credentials: { ...none, find: async () => credential } })
    const error = await storeFault(store.branches("sessyn/"))
    expect(error.code).toBe("STORE_URL_INVALID")
    expect(error.message).toContain(thief.origin)
    expect(thief.log).toEqual([])
  })

  it("takes one to a page as no repository, and gives up on a circle", async () => {
    const server = await host()
    server.onRequest(() => moved("/users/sign_in"))
    expect((await storeFault(client(server).branches("sessyn/"))).code).toBe("STORE_NOT_FOUND")
    server.onRequest((_, { path }) => moved(path))
    expect((await storeFault(client(server).branches("sessyn/"))).code).toBe("STORE_FAILED")
  })
})

describe("Git over HTTP: damaged and hostile answers", () => {
  it("never hands over bytes that are not the object", async () => {
    const server = await host()
    const files = { a: utf8("some text"), "packs/aa/1": random(6, 30_000), "packs/aa/2": random(7, 1_100_000) }
    const { snapshot, head } = await commitTo(client(server), null, files)
    const bytesById = new Map(Object.entries(files).map(([path, bytes]) => [snapshot.get(path), bytes]))
    let faults = 0
    for (let n = 0; n < 60; n++) {
      const store = client(server)
      const damage = (bytes: Buffer): Buffer => {
        const at = n < 30 ? n * 3 : Math.floor((bytes.length * (n - 30)) / 30)
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] as number) ^ (1 << (n % 8))
        return changed
      }
      server.onRequest(() => ({ kind: "rewrite", body: damage }))
      const wrong: ObjectId[] = []
      const check = (id: ObjectId, bytes: Uint8Array): void => {
        if (!same(bytesById.get(id), bytes)) wrong.push(id)
      }
      const outcome = await store.read([...snapshot.values()], check).then(
        () => undefined,
        (error: unknown) => error,
      )
      if (outcome !== undefined) expect(outcome).toHaveProperty("code", expect.stringMatching(/^STORE_/))
      if (outcome !== undefined) faults++
      expect(wrong).toEqual([])
      await store.close()
    }
    expect(faults).toBeGreaterThan(40)
    server.onRequest(undefined)
    expect((await client(server).snapshot(head)).size).toBe(3)
  })

  it("takes an answer that ends early as a lost connection", async () => {
    const server = await host()
    const { snapshot, head } = await commitTo(client(server), null, { "packs/aa/1": random(8, 200_000) })
    for (const bytes of [0, 3, 9, 30, 60, 1_000, 70_000, 200_000]) {
      server.onRequest(() => ({ kind: "truncate", bytes }))
      const fault = expect.objectContaining({ code: "STORE_UNREACHABLE", transient: true })
      await expect(client(server).read([...snapshot.values()], () => {})).rejects.toEqual(fault)
      if (bytes < 100) await expect(client(server).snapshot(head)).rejects.toEqual(fault)
      if (bytes < 10) await expect(client(server).branches("sessyn/")).rejects.toEqual(fault)
    }
  })

  it("refuses another object than the one asked for", async () => {
    const server = await host()
    const { snapshot } = await commitTo(client(server), null, { a: utf8("mine"), b: utf8("another") })
    let other: Buffer = Buffer.alloc(0)
    server.onRequest(() => ({ kind: "rewrite", body: (bytes) => (other = bytes) }))
    await client(server).read([snapshot.get("b") as ObjectId], () => {})
    server.onRequest(() => ({ kind: "rewrite", body: () => other }))
    const got: unknown[] = []
    const error = await storeFault(client(server).read([snapshot.get("a") as ObjectId], (id) => void got.push(id)))
    expect(error).toMatchObject({ code: "STORE_MALFORMED", transient: false })
    expect(got).toEqual([])
  })

  it("shows a head that went backwards as it is", async () => {
    const server = await host()
    const store = client(server)
    const first = await commitTo(store, null, { a: utf8("1") })
    const second = await commitTo(store, first.head, { a: utf8("2") })
    await gitSays(server.path, "update-ref", `refs/heads/${MAIN}`, first.head)
    expect(await store.branches("sessyn/")).toEqual([{ name: MAIN, head: first.head }])
    const stale = await store.commit({ branch: MAIN, parent: second.head, snapshot: new Map([["a", utf8("3")]]) })
    expect(stale).toEqual({ kind: "moved" })
  })

  it("takes over what others keep in the repository beside the vault", async () => {
    const server = await host()
    const blob = (await gitSays(server.path, "hash-object", "-w", "-t", "blob", "/dev/null")).trim()
    const tree = gitTree(server, `100755 blob ${blob}\tscript\n120000 blob ${blob}\tlink\n100644 blob ${blob}\t.base\n`)
    const commit = (await gitSays(server.path, ...AS_SOMEBODY, "commit-tree", tree, "-m", "by hand")).trim()
    await gitSays(server.path, "update-ref", `refs/heads/${MAIN}`, commit)
    await gitSays(server.path, ...AS_SOMEBODY, "tag", "-a", "-m", "x", "v1", commit)
    const store = client(server)
    expect(await store.branches("")).toEqual([{ name: MAIN, head: commit }])
    expect([...(await store.snapshot(commit)).keys()].sort()).toEqual([".base", "link", "script"])
    await commitTo(store, commit, { a: utf8("ours") })
  })
})

const AS_SOMEBODY = ["-c", "user.name=Somebody", "-c", "user.email=somebody@localhost"]

function gitTree(server: GitServer, lines: string): string {
  return execFileSync("git", ["--git-dir", server.path, "mktree"], { input: lines }).toString().trim()
}

describe("Git over HTTP: refusals of a push", () => {
  async function withHook(script: string): Promise<GitServer> {
    const server = await host()
    const hook = join(server.path, "hooks", "pre-receive")
    await mkdir(join(server.path, "hooks"), { recursive: true })
    await writeFile(hook, `#!/bin/sh\n${script}\n`)
    await chmod(hook, 0o755)
    return server
  }

  it("names a hook that declines", async () => {
    const server = await withHook("echo 'GH006: Protected branch update failed' >&2; exit 1")
    const error = await storeFault(commitTo(client(server), null, { a: utf8("1") }))
    expect(error).toMatchObject({ code: "STORE_FORBIDDEN", transient: false })
    expect(error.message).toContain("GH006")
  })

  it("cleans what a host says for a terminal", async () => {
    const server = await withHook("printf 'red \\033[31m\\007\\302\\233 line\\nnext' >&2; exit 1")
    const error = await storeFault(commitTo(client(server), null, { a: utf8("1") }))
    expect(error.message).toMatch(/^[\x20-\x7e]+$/)
  })

  it("knows a store that takes no more", async () => {
    const server = await host({ config: ["receive.maxInputSize=100000"] })
    const error = await storeFault(commitTo(client(server), null, { a: random(9, 400_000) }))
    expect(error).toMatchObject({ code: "STORE_FULL", transient: false })
  })

  it("knows a repository that cannot be written to", async () => {
    const server = await host({ config: ["http.receivepack=false"] })
    const error = await storeFault(commitTo(client(server), null, { a: utf8("1") }))
    expect(error).toMatchObject({ code: "STORE_FORBIDDEN", transient: false })
  })
})
