/**
 * A process that opens a vault, works with it and locks it, one step for each
 * line on its standard input, so that another process can look at its memory in
 * between. `node --expose-gc keyHolder.node.ts FOLDER`
 *
 * @module
 */
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { writeHeapSnapshot } from "node:v8"
import { createFileKeychain } from "../../../src/platform/node/fileKeychain.ts"
import { createMachine } from "../machine.node.ts"

const [, , folder = ""] = process.argv
const machine = createMachine({ name: "a", folder, keychain: createFileKeychain(join(folder, "keys")) })
const session = await machine.engine.open(machine.root)

const STEPS = {
  sync: () => session.sync({ onConflict: "skip" }),
  rotate: () => session.rotateKey(),
  async write() {
    for (let i = 0; i < 40; i++) writeFileSync(join(machine.root, `file-${i}`), `${i} `.repeat(200 * i))
  },
  lock: () => session.lock(),
  async snapshot() {
    writeHeapSnapshot(join(folder, "snapshot"))
  },
} satisfies Record<string, () => Promise<unknown>>

const lines = createInterface({ input: process.stdin })
lines.on("line", (line) => {
  void STEPS[line as keyof typeof STEPS]().then(async () => {
    // Twice, with a turn of the loop between: finalizers of native objects run after a collection.
    for (let i = 0; i < 2; i++) {
      globalThis.gc?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
    process.stdout.write("done\n")
  })
})
await once(lines, "close")
process.exit(0)
