/**
 * State of which some values are there already, under any bytes.
 *
 * @module
 */
import { createMemoryState, createMemoryStateDisk } from "../../src/platform/memory/memoryState.ts"
import type { State } from "../../src/ports/state.ts"

export function memoryState(values: Readonly<Record<string, Uint8Array>>): State {
  const disk = createMemoryStateDisk()
  for (const [name, bytes] of Object.entries(values)) disk.values.set(name, bytes)
  return createMemoryState({ disk })
}
