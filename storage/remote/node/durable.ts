/**
 * Makes what was written survive a power cut.
 *
 * @module
 */
import { open } from "node:fs/promises"

/** Folders cannot be flushed on every platform; there the rename itself is durable enough. */
export async function flush(path: string): Promise<void> {
  const handle = await open(path, "r").catch(() => undefined)
  try {
    await handle?.sync().catch(() => {})
  } finally {
    await handle?.close()
  }
}
