/**
 * Names of machines, opened for people.
 *
 * @module
 */
import { StorageError } from "../../storage/errors.ts"
import { isPlainName, nameOutline, openName } from "../../storage/format/machineName.ts"
import { type MachineState, trustedMachines, type TrustState } from "../../storage/verify/trustState.ts"
import type { Context } from "../vault/context.ts"

/** How many characters of an id are shown. */
export const SHORT_ID_LENGTH = 8

/** A machine's name, or the start of its id where the name cannot be opened, or must not be shown. */
export async function nameOf({ host, keyring }: Context, machine: MachineState): Promise<string> {
  const keys = keyring.get(machine.name.epoch)
  if (keys === undefined) return shortId(machine.id)
  try {
    return shownName(machine.id, await openName(host.crypto, keys.key, machine.id, machine.name))
  } catch (error) {
    if (error instanceof StorageError) return shortId(machine.id)
    throw error
  }
}

/** A name that somebody else gave itself, if it may be shown as it is; else the start of its id. */
export function shownName(id: string, name: string): string {
  return isPlainName(name) ? name : shortId(id)
}

/**
 * Names of all machines of a log, by id: with the start of the id where a trusted machine has one that looks the same. No
 * machine can pass for another by its name.
 */
export async function namesOf(context: Context, trust: TrustState): Promise<(id: string) => string> {
  const names = new Map<string, string>()
  const trusted = new Map<string, string[]>()
  for (const machine of trust.machines.values()) {
    const name = await nameOf(context, machine)
    names.set(machine.id, name)
    const outline = nameOutline(name)
    if (machine.status === "trusted") trusted.set(outline, [...(trusted.get(outline) ?? []), machine.id])
  }
  return (id) => {
    const name = names.get(id)
    if (name === undefined) return shortId(id)
    const isUnique = (trusted.get(nameOutline(name)) ?? []).every((other) => other === id)
    return isUnique || name === shortId(id) ? name : `${name} (${shortId(id)})`
  }
}

/** The trusted machines whose name looks like this one, with their ids. */
export async function namesakes(context: Context, trust: TrustState, name: string): Promise<readonly string[]> {
  const alike: string[] = []
  for (const machine of trustedMachines(trust)) {
    const other = await nameOf(context, machine)
    if (nameOutline(other) === nameOutline(name)) alike.push(`${other} (${shortId(machine.id)})`)
  }
  return alike
}

function shortId(id: string): string {
  return id.slice(0, SHORT_ID_LENGTH)
}
