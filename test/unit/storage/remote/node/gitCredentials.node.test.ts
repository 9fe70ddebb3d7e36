import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inspect } from "node:util"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { fromUtf8 } from "../../../../../crypto/bytes.ts"
import { type Credential, createGitCredentials } from "../../../../../storage/remote/node/gitCredentials.ts"
import { openGitHttpStore } from "../../../../../storage/remote/node/gitHttpStore.ts"
import { startGitServer } from "../../../../support/gitServer.node.ts"
import { storeFault } from "../../../../support/testStores.ts"

const GITHUB = new URL("https://github.com/o/r.git")
const ELSEWHERE = new URL("https://git.example.com/o/r.git")

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sessyn-helper-"))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

/** git with one helper: gives the lines of `answers`, one after another, and writes down what it is told. */
async function helperEnv(...answers: string[]): Promise<NodeJS.ProcessEnv> {
  const helper = join(folder, "helper.sh")
  const script = `#!/bin/sh
cd "${folder}" || exit 1
{ echo "== $1"; sed '/^$/d'; } >> log
env | grep -c SESSYN >> seen
[ "$1" = get ] || exit 0
password=$(head -n 1 passwords)
sed -i 1d passwords
[ -z "$password" ] || printf 'username=me\\npassword=%s\\n' "$password"
`
  await writeFile(helper, script)
  await chmod(helper, 0o755)
  await writeFile(join(folder, "passwords"), answers.map((answer) => `${answer}\n`).join(""))
  await writeFile(join(folder, "config"), `[credential]\n\thelper = ${helper}\n\tuseHttpPath = true\n`)
  return {
    PATH: process.env["PATH"],
    HOME: folder,
    GIT_CONFIG_GLOBAL: join(folder, "config"),
    GIT_CONFIG_NOSYSTEM: "1",
  }
}

const told = async (): Promise<string[]> => (await readFile(join(folder, "log"), "utf8")).trim().split("\n")

function show(credential: Credential | undefined): string | undefined {
  return credential && `${credential.username}:${fromUtf8(credential.password.expose())}`
}

describe("createGitCredentials", () => {
  it("takes the tokens of the environment first, GitHub's only for GitHub", async () => {
    const env = await helperEnv("from-helper")
    const both = createGitCredentials({ env: { ...env, SESSYN_TOKEN: "s", GITHUB_TOKEN: "g" } })
    expect(show(await both.find(GITHUB))).toBe("x-access-token:s")
    const github = createGitCredentials({ env: { ...env, GITHUB_TOKEN: "g" } })
    expect(show(await github.find(GITHUB))).toBe("x-access-token:g")
    expect(show(await github.find(ELSEWHERE))).toBe("me:from-helper")
    for (const lookalike of [
      "https://github.com.evil.com/o/r",
      "https://notgithub.com/o/r",
      "https://gist.github.com/o/r",
    ]) {
      expect(show(await github.find(new URL(lookalike)))).not.toBe("x-access-token:g")
    }
  })

  it("asks git for the repository's credential, and tells git what became of it", async () => {
    const source = createGitCredentials({ env: await helperEnv("one", "two") })
    const first = (await source.find(ELSEWHERE)) as Credential
    await source.reject(ELSEWHERE, first)
    const second = (await source.find(ELSEWHERE)) as Credential
    await source.approve(ELSEWHERE, second)
    expect([show(first), show(second)]).toEqual(["me:one", "me:two"])
    const about = ["protocol=https", "host=git.example.com", "path=o/r.git"]
    const log = await told()
    expect(log.filter((line) => line.startsWith("=="))).toEqual(["== get", "== erase", "== get", "== store"])
    expect(log.slice(1, 4).sort()).toEqual([...about].sort())
    expect(log).toContain("password=one")
    expect(log.at(-1)).toMatch(/password=two|username=me/)
  })

  it("goes on to the helper when a token is refused, and tells no helper about the token", async () => {
    const env = await helperEnv("from-helper")
    const source = createGitCredentials({ env: { ...env, SESSYN_TOKEN: "hunter2", SESSYN_PASSPHRASE: "hunter2" } })
    const token = (await source.find(ELSEWHERE)) as Credential
    await source.reject(ELSEWHERE, token)
    expect(show(await source.find(ELSEWHERE))).toBe("me:from-helper")
    expect((await told()).join()).not.toContain("hunter2")
    expect((await readFile(join(folder, "seen"), "utf8")).trim()).toBe("0")
  })

  it("has none if git has none, and asks on no terminal", async () => {
    const source = createGitCredentials({ env: await helperEnv() })
    expect(await source.find(ELSEWHERE)).toBeUndefined()
  })

  it("has none if there is no git", async () => {
    expect(await createGitCredentials({ env: { PATH: folder } }).find(ELSEWHERE)).toBeUndefined()
  })

  it("cannot be printed", async () => {
    const credential = await createGitCredentials({ env: { SESSYN_TOKEN: "hunter2" } }).find(GITHUB)
    expect(inspect(credential, { depth: 9, showHidden: true }) + JSON.stringify(credential)).not.toContain("hunter2")
  })
})

describe("a store with git's helpers", () => {
  it("tries once more after a refusal, keeps what works, and sends it at once from then on", async () => {
    const server = await startGitServer({ credential: { username: "me", password: "right" } })
    const store = openGitHttpStore({
      url: server.url,
      credentials: createGitCredentials({ env: await helperEnv("wrong", "right") }),
    })
    try {
      await store.branches("")
      await store.branches("")
      const sent = server.log.map((request) => request.authorization?.slice(6))
      const encoded = (password: string) => Buffer.from(`me:${password}`).toString("base64")
      expect(sent).toEqual([undefined, encoded("wrong"), encoded("right"), encoded("right")])
      await expect
        .poll(async () => (await told()).filter((line) => line.startsWith("==")))
        .toEqual(["== get", "== erase", "== get", "== store"])
    } finally {
      await store.close()
      await server.close()
    }
  })

  it("gives up after the second refusal, without the password in its message", async () => {
    const server = await startGitServer({ credential: { username: "me", password: "right" } })
    const store = openGitHttpStore({
      url: server.url,
      credentials: createGitCredentials({ env: await helperEnv("hunter2", "hunter3", "right") }),
    })
    try {
      const error = await storeFault(store.branches(""))
      expect(error).toMatchObject({ code: "STORE_UNAUTHENTICATED", transient: false })
      expect(String(error.stack)).not.toMatch(/hunter/)
    } finally {
      await store.close()
      await server.close()
    }
  })

  it("asks for a credential once, however many calls want one", async () => {
    const server = await startGitServer({ credential: { username: "me", password: "right" } })
    const store = openGitHttpStore({
      url: server.url,
      credentials: createGitCredentials({ env: await helperEnv("right", "never") }),
    })
    try {
      await Promise.all([1, 2, 3, 4].map(() => store.branches("")))
      expect((await told()).filter((line) => line === "== get")).toHaveLength(1)
    } finally {
      await store.close()
      await server.close()
    }
  })
})
