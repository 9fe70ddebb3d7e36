/**
 * The tour: two machines on this computer keep a sample workspace the same
 * through a vault on this disk, with everything explained as it happens. Then it
 * stays live until Ctrl-C; with `--once` it ends, with status 0 only if all was
 * as it should be.
 *
 * @module
 */
import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createNodeCrypto } from "../../src/platform/node/nodeCrypto.ts"
import { generatePassphrase } from "../../crypto/words.ts"
import { stayLive } from "./live.ts"
import { createStage, TourStopped } from "./stage.ts"
import { tour } from "./steps.ts"

async function main(): Promise<number> {
  const once = process.argv.includes("--once")
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "sessyn-tour-")))
  const passphrase = await generatePassphrase(createNodeCrypto())
  const stage = createStage({ folder, passphrase, cli: join(import.meta.dirname, "cli.js") })
  const machines = await tour(stage).catch((error: unknown) => {
    if (error instanceof TourStopped) return []
    throw error
  })
  if (stage.failures.length > 0) {
    process.stdout.write(`\nNot as it should be:\n${stage.failures.map((text) => `  - ${text}`).join("\n")}\n`)
    process.stdout.write(`Everything is left in ${folder} to look at.\n`)
    return 1
  }
  process.stdout.write("\nAll of it went as it should.\n")
  if (once) {
    rmSync(folder, { recursive: true, force: true })
    return 0
  }
  await stayLive(stage, machines)
  process.stdout.write(`\nThe folders stay where they are; remove them with: rm -r ${folder}\n`)
  return 0
}

process.exitCode = await main()
