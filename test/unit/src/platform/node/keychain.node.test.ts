import { chmod, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { Secret } from "../../../../../crypto/secret.ts"
import { createFileKeychain } from "../../../../../src/platform/node/fileKeychain.ts"
import { createNodeKeychain, KeychainRefused } from "../../../../../src/platform/node/osKeychain.ts"

let home: string

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "sessyn-keys-"))
})

afterEach(() => rm(home, { recursive: true, force: true }))

const secret = (...bytes: number[]) => new Secret(Uint8Array.from(bytes))

describe("createFileKeychain", () => {
  it("keeps, replaces and forgets a secret", async () => {
    const keychain = createFileKeychain(join(home, "keys"))
    expect(await keychain.read("k")).toBeNull()
    await keychain.write("k", secret(1, 2, 3))
    await keychain.write("k", secret(4, 5))
    expect((await keychain.read("k"))?.expose()).toEqual(Uint8Array.of(4, 5))
    await keychain.remove("k")
    await keychain.remove("k")
    expect(await keychain.read("k")).toBeNull()
    expect(await readdir(join(home, "keys"))).toEqual([])
  })

  it("lets nobody else read, and closes what was opened", async () => {
    const folder = join(home, "keys")
    const keychain = createFileKeychain(folder)
    await keychain.write("k", secret(1))
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    const file = join(folder, (await readdir(folder))[0] as string)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await chmod(file, 0o644)
    await keychain.read("k")
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  it.each(["../out", "..", ".", "a/b", "a\0b", "K:\\x"])("keeps %j inside its folder", async (name) => {
    const keychain = createFileKeychain(join(home, "keys"))
    await keychain.write(name, secret(7))
    expect((await keychain.read(name))?.expose()).toEqual(Uint8Array.of(7))
    expect(await readdir(home)).toEqual(["keys"])
    expect(await readdir(join(home, "keys"))).toHaveLength(1)
  })

  it("does not follow a link", async () => {
    const keychain = createFileKeychain(home)
    await writeFile(join(home, "elsewhere"), "x")
    await symlink("elsewhere", join(home, "k.key"))
    expect(await keychain.read("k")).toBeNull()
  })
})

describe("createNodeKeychain without a system keychain", () => {
  const make = (said: string[], answer = true) =>
    createNodeKeychain({
      home,
      env: { SESSYN_KEYCHAIN: "file" },
      beforeFile: async (folder) => {
        said.push(folder)
        return answer
      },
    })

  it("says where the secret goes before it writes a file, and nothing when it only reads", async () => {
    const said: string[] = []
    const keychain = make(said)
    expect(await keychain.read("k")).toBeNull()
    expect(said).toEqual([])
    await keychain.write("k", secret(9))
    expect(said).toEqual([join(home, "keys")])
    expect(keychain.place).toBe(join(home, "keys"))
    expect((await make([]).read("k"))?.expose()).toEqual(Uint8Array.of(9))
    await keychain.remove("k")
    expect(await keychain.read("k")).toBeNull()
  })

  it("writes nothing when that is not wanted", async () => {
    await expect(make([], false).write("k", secret(9))).rejects.toBeInstanceOf(KeychainRefused)
    expect(await readdir(home)).toEqual([])
  })
})
