import { existsSync, mkdirSync, readFileSync, watch, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { createMachine, type Machine, pair } from "./command.ts"

const folders = createTemporaryFolders()
afterAll(() => folders.remove())

/** When the file has that content. */
function arrives(path: string, text: string): Promise<void> {
  const isThere = (): boolean => existsSync(path) && readFileSync(path, "utf8") === text
  if (isThere()) return Promise.resolve()
  return new Promise((resolve) => {
    const watcher = watch(dirname(path), () => {
      if (!isThere()) return
      watcher.close()
      resolve()
    })
    if (isThere()) {
      watcher.close()
      resolve()
    }
  })
}

describe("watch", () => {
  let laptop: Machine
  let desk: Machine

  beforeAll(async () => {
    const folder = folders.make()
    laptop = createMachine(folder, "laptop")
    desk = createMachine(folder, "desk")
    writeFileSync(join(laptop.root, ".syncignore"), "ignored/\n")
    await pair(laptop, desk, join(folder, "vault.git"))
  })

  it("carries changes both ways, and ends in order with Ctrl-C", async () => {
    const watching = [laptop, desk].map((machine) => machine.start(["watch", "--interval", "1"]))
    await Promise.all(watching.map((one) => one.says("in sync")))

    writeFileSync(join(laptop.root, "one.txt"), "from laptop")
    await arrives(join(desk.root, "one.txt"), "from laptop")
    writeFileSync(join(desk.root, "two.txt"), "from desk")
    await arrives(join(laptop.root, "two.txt"), "from desk")
    await watching[0]?.says("received two.txt")

    for (const { child } of watching) child.kill("SIGINT")
    const ends = await Promise.all(watching.map(({ ended }) => ended))
    expect(ends.map(({ status }) => status)).toEqual([0, 0])
    expect(ends[0]?.out).toContain("sent one.txt")
    expect(ends[0]?.out).toContain("Stopped after")
  })

  it("names conflicts and leaves them, and listens to what is no longer ignored", async () => {
    mkdirSync(join(desk.root, "ignored"))
    const watching = desk.start(["watch", "--interval", "1", "--json"])
    await watching.says("in sync")
    writeFileSync(join(desk.root, ".syncignore"), "# nothing\n")
    await watching.says("sent .syncignore")
    writeFileSync(join(desk.root, "ignored/now-not.txt"), "x")
    await watching.says("now-not.txt")

    writeFileSync(join(laptop.root, "two.txt"), "laptop's")
    writeFileSync(join(desk.root, "two.txt"), "desk's")
    await Promise.all([laptop.run(["sync"]), watching.says("two.txt")])
    await laptop.run(["sync"])
    writeFileSync(join(laptop.root, "ignored/again.txt"), "wake up")
    await laptop.run(["sync"])
    watching.child.kill("SIGTERM")
    const { status, out } = await watching.ended
    expect(status).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ syncs: expect.any(Number), sequence: expect.any(Number) })
  })

  it("ends with status 5 when nobody can unlock", async () => {
    const { status, err } = await laptop.run(["watch"], { SESSYN_PASSPHRASE: undefined })
    expect(status).toBe(5)
    expect(err).toContain("locked")
  })
})
