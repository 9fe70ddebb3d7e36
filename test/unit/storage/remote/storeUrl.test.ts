import { describe, expect, it } from "vitest"
import { StoreError } from "../../../../storage/errors.ts"
import { isLoopback, parseStoreUrl } from "../../../../storage/remote/storeUrl.ts"

describe("parseStoreUrl", () => {
  it.each([
    ["/srv/vault.git", "/srv/vault.git"],
    ["vault.git", "vault.git"],
    ["../a b/vault", "../a b/vault"],
    ["  ./x  ", "./x"],
    ["C:\\vaults\\x", "C:\\vaults\\x"],
    ["d:/vaults/x", "d:/vaults/x"],
    ["file:///srv/a%20b.git", "/srv/a b.git"],
    ["file://localhost/srv/x", "/srv/x"],
    ["file:///C:/vaults/x", "C:/vaults/x"],
    ["odd:name/with/colon", "odd:name/with/colon"],
  ])("takes %s as a path", (typed, path) => {
    expect(parseStoreUrl(typed)).toEqual({ kind: "path", path })
  })

  it.each([
    ["https://github.com/o/r.git", "https://github.com/o/r.git"],
    ["https://Git.Example.com:8443/a/b/", "https://git.example.com:8443/a/b"],
    ["http://localhost:3000/v.git", "http://localhost:3000/v.git"],
    ["http://127.0.0.1:8080/v", "http://127.0.0.1:8080/v"],
    ["http://[::1]/v", "http://[::1]/v"],
    ["github:owner/repo", "https://github.com/owner/repo.git"],
    ["github:owner/repo.git", "https://github.com/owner/repo.git"],
    ["GitHub:owner/my.dot-files/", "https://github.com/owner/my.dot-files.git"],
  ])("takes %s as a host's", (typed, url) => {
    expect(parseStoreUrl(typed)).toEqual({ kind: "http", url })
  })

  it.each([
    ["", /empty/],
    ["https://", /not a URL/],
    ["https://github.com", /no repository/],
    ["https://github.com/", /no repository/],
    ["http://github.com/o/r", /https/],
    ["http://127.0.0.1.evil.com/o/r", /https/],
    ["ftp://host/x", /only https/],
    ["git://host/x", /only https/],
    ["https://host/x?y=1", /query/],
    ["https://host/x#y", /fragment/],
    ["file://server/share", /host/],
    ["file:///a%2fb", /file/],
    ["file:///a%00b", /file/],
    ["github:owner", /owner\/repository/],
    ["github:../repo", /owner\/repository/],
    ["github:owner/..", /owner\/repository/],
    ["github:owner/a/b", /owner\/repository/],
    ["ssh://git@github.com/o/r.git", /https:\/\/github\.com\/o\/r\.git/],
    ["git@github.com:o/r.git", /https:\/\/github\.com\/o\/r\.git/],
    ["github.com:o/r.git", /https:\/\/github\.com\/o\/r\.git/],
    ["line\nbreak", /garbled/],
  ])("refuses %s, with advice", (typed, advice) => {
    expect(() => parseStoreUrl(typed)).toThrow(expect.objectContaining({ code: "STORE_URL_INVALID" }))
    expect(() => parseStoreUrl(typed)).toThrow(advice)
  })

  it.each([
    "https://user:hunter2@github.com/o/r",
    "https://hunter2@github.com/o/r",
    "https://x-access-token:hunter2@github.com/o/r.git",
    "https://github.com/o/r?access_token=hunter2",
    "http://user:hunter2@localhost/r",
    "ftp://user:hunter2@host/r",
    "file://user:hunter2@localhost/r",
    "ssh://user:hunter2@host:x/r",
    "user:hunter2@host:path",
    "https://user:hunter2@bad host/",
  ])("refuses a credential and does not repeat it (%#)", (typed) => {
    try {
      expect(parseStoreUrl(typed).kind).toBe("never")
    } catch (error) {
      expect(error).toBeInstanceOf(StoreError)
      expect(String(error)).not.toContain("hunter2")
    }
  })
})

describe("isLoopback", () => {
  it("knows this machine's names, and only those", () => {
    expect(["localhost", "127.0.0.1", "127.9.9.9", "[::1]"].every(isLoopback)).toBe(true)
    expect(["localhost.evil.com", "127.0.0.1.nip.io", "10.0.0.1", "[::2]", ""].some(isLoopback)).toBe(false)
  })
})
