import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { repositoryExhibits } from "../support/leaks/hostReader.node.ts"
import { createTemporaryFolders } from "../support/temporaryFolders.node.ts"

const folders = createTemporaryFolders()
afterAll(folders.remove)

test("a host's objects are known for what they are, also those of a commit that lost a race", async () => {
  const repository = join(folders.make(), "vault.git")
  const git = (args: readonly string[], input = ""): string =>
    execFileSync("git", ["--git-dir", repository, "-c", "user.name=x", "-c", "user.email=x", ...args], {
      input,
      encoding: "utf8",
    }).trim()
  execFileSync("git", ["init", "-q", "--bare", repository])
  const blob = (text: string): string => git(["hash-object", "-w", "--stdin"], text)
  const commit = (text: string): string =>
    git(["commit-tree", git(["mktree"], `100644 blob ${blob(text)}\tmanifest.json\n`), "-m", "x"])
  git(["update-ref", "refs/heads/main", commit("won")])
  commit("lost")
  blob("of no commit")

  const places = new Map<string, string>()
  for await (const { place, bytes } of repositoryExhibits(repository)) places.set(Buffer.from(bytes).toString(), place)
  expect(places.get("won")).toBe("manifest.json")
  expect(places.get("lost")).toBe("manifest.json")
  expect(places.get("of no commit")).toBe("unreachable blob")
})
