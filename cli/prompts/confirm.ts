/**
 * Questions of the command itself, not of the engine.
 *
 * @module
 */
import { SyncError } from "../../src/errors.ts"
import { CliError } from "../errors.ts"
import type { Asker } from "./asker.ts"

/**
 * Goes on if `--yes` was given or the person says yes.
 *
 * @throws {CliError} `NEEDS_CONFIRMATION` if nobody sits there; {@link SyncError} `CANCELLED` after a no.
 */
export async function confirmOrStop(
  asker: Asker | null,
  yes: boolean,
  message: string,
  preset: boolean,
): Promise<void> {
  if (yes) return
  if (asker === null) throw new CliError("NEEDS_CONFIRMATION", "")
  if (!(await asker.confirm(message, preset))) throw new SyncError("CANCELLED", "the answer was no")
}
