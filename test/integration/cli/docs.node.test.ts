import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { createTemporaryFolders } from "../../support/temporaryFolders.node.ts"
import { createMachine, PASSPHRASE } from "./command.ts"

const folders = createTemporaryFolders()
afterAll(() => folders.remove())

/** The first example of each section, by the command that the heading names. */
const examples = new Map(
  [
    ...readFileSync(join(import.meta.dirname, "../../../docs/cli.md"), "utf8").matchAll(
      /^##+ ([^\n]*)$([^#]*?)```json\n(.*?)```/gms,
    ),
  ].map(([, heading = "", , json = ""]) => {
    const command =
      /^`sessyn ([a-z]+(?: (?:approve|revoke|delete|purge|upgrade-key|rotate-key|require-post-quantum))?)/.exec(
        heading,
      )?.[1] ?? heading
    return [command, JSON.parse(json) as unknown]
  }),
)

type Shape = string | { readonly [key: string]: Shape } | readonly Shape[]

/** What a value is made of; of a list, its first item. */
function shapeOf(value: unknown): Shape {
  if (value === null) return "null"
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])]
  if (typeof value !== "object") return typeof value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shapeOf(item)]))
}

/** Equal, but that null may stand for any value, and an empty list for any list. */
function fits(real: Shape, example: Shape): boolean {
  if (real === "null" || example === "null") return true
  if (Array.isArray(real) && Array.isArray(example)) {
    return real.length === 0 || example.length === 0 || fits(real[0] as Shape, example[0] as Shape)
  }
  if (typeof real === "string" || typeof example === "string") return real === example
  const keys = Object.keys({ ...real, ...example })
  return keys.every((key) => key in real && key in example && fits(real[key as never], example[key as never]))
}

const checked = new Set<string>()

function check(command: string, printed: unknown): void {
  checked.add(command)
  const [real, example] = [shapeOf(printed), shapeOf(examples.get(command))]
  if (!fits(real, example)) expect({ command, printed: real }).toEqual({ command, printed: example })
}

it("documents what every command prints with --json", async () => {
  const folder = folders.make()
  const [laptop, desk] = [createMachine(folder, "laptop"), createMachine(folder, "desk")]
  const store = join(folder, "vault.git")
  const write = (root: string, path: string, text: string) => writeFileSync(join(root, path), text)

  check("Errors", await laptop.json(["status"], 2))
  check("init", await laptop.json(["init", "--store", store, "--name", "laptop"]))
  write(laptop.root, ".env", "TOKEN=1")
  check("sync", await laptop.json(["sync"]))
  check("join", await desk.json(["join", "--store", store, "--name", "desk"]))
  check("machines", await laptop.json(["machines"]))
  check("machines approve", await laptop.json(["machines", "approve", "desk", "--yes"]))
  check("sync", await desk.json(["sync", "--yes"]))
  write(laptop.root, ".env", "TOKEN=2")
  write(desk.root, ".env", "TOKEN=3")
  await laptop.ok(["sync"])
  check("sync", await desk.json(["sync"], 3))
  check("status", await desk.json(["status"], 3))
  const watching = desk.start(["watch", "--json"])
  await watching.says("in conflict")
  watching.child.kill("SIGINT")
  check("watch", JSON.parse((await watching.ended).out))
  check("log", await laptop.json(["log", ".env"]))
  check("restore", await laptop.json(["restore", ".env", "--at", "2"]))
  check("verify", await laptop.json(["verify"]))
  check("compact", await laptop.json(["compact", "--keep", "1", "--yes"]))
  check("repair", await laptop.json(["repair", "--yes"]))
  check("unlock", await laptop.json(["unlock", "--remember"]))
  check("lock", await laptop.json(["lock"]))
  check("machines purge", await laptop.json(["machines", "purge"]))
  check("machines upgrade-key", await laptop.json(["machines", "upgrade-key"]))
  check("machines rotate-key", await laptop.json(["machines", "rotate-key"]))
  check("passphrase", await laptop.json(["passphrase"], 0, { SESSYN_NEW_PASSPHRASE: PASSPHRASE }))
  check("machines revoke", await laptop.json(["machines", "revoke", "desk", "--yes", "--keep-passphrase"]))
  check("machines delete", await laptop.json(["machines", "delete", "desk", "--yes"]))
  check("machines require-post-quantum", await laptop.json(["machines", "require-post-quantum", "--yes"]))
  expect([...examples.keys()].filter((command) => !checked.has(command))).toEqual([])
})
