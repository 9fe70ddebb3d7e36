/**
 * Names of machines, opened for people.
 *
 * @module
 */
import { StorageError } from "../../storage/errors.ts"
import { openName } from "../../storage/format/machineName.ts"
import type { MachineState, TrustState } from "../../storage/verify/trustState.ts"
import type { Context } from "../vault/context.ts"

/** How many characters of an id are shown. */
export const SHORT_ID_LENGTH = 8

/** A machine's name, or the start of its id where the name cannot be opened. */
export async function nameOf({ host, keyring }: Context, machine: MachineState | undefined): Promise<string> {
  if (machine === undefined) return "a machine"
  const keys = keyring.get(machine.name.epoch)
  if (keys === undefined) return machine.id.slice(0, SHORT_ID_LENGTH)
  try {
    return await openName(host.crypto, keys.key, machine.id, machine.name)
  } catch (error) {
    if (error instanceof StorageError) return machine.id.slice(0, SHORT_ID_LENGTH)
    throw error
  }
}

/** Names of all machines of a log, by id. */
export async function namesOf(context: Context, trust: TrustState): Promise<(id: string) => string> {
  const names = new Map<string, string>()
  for (const machine of trust.machines.values()) names.set(machine.id, await nameOf(context, machine))
  return (id) => names.get(id) ?? id.slice(0, SHORT_ID_LENGTH)
}
