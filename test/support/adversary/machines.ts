/**
 * Real clients at the doors of a hostile host, and what must hold whatever it
 * does: nothing written where a client refuses, no user's byte lost.
 *
 * @module
 */
import { expect } from "vitest"
import { admit, createMemoryMachine, found, type MemoryMachine } from "../memoryMachine.ts"
import { createHostileHost, type HostileHost } from "./host.ts"

export const FRESH_PASSPHRASE = "velvet orchard lantern sturdy maple cousin"

type Machines<Names extends readonly string[]> = { [K in keyof Names]: MemoryMachine }

/** Machines that trust each other and have the same files. The next passphrase that one of them sets is another. */
export async function besiege<const Names extends readonly string[]>(
  names: Names,
  files: Readonly<Record<string, string>> = { kept: "kept" },
): Promise<{ readonly host: HostileHost; readonly machines: Machines<Names> }> {
  const host = createHostileHost()
  const machines = await Promise.all(names.map((name) => arrive(host, name)))
  const [first, ...others] = machines as [MemoryMachine, ...MemoryMachine[]]
  await found(first, ...others)
  for (const [path, content] of Object.entries(files)) await first.write(path, content)
  for (const machine of machines) {
    await machine.sync()
    machine.person.newPassphrase = FRESH_PASSPHRASE
  }
  return { host, machines: machines as Machines<Names> }
}

/** A machine that nobody knows yet. */
export function arrive(host: HostileHost, name: string): Promise<MemoryMachine> {
  return createMemoryMachine(name, host.door(name))
}

export { admit }

export const code = (expected: string) => expect.objectContaining({ code: expected })

/** Every file of a machine's disk but its own state. */
export async function diskOf({ workspace }: MemoryMachine, folder = ""): Promise<ReadonlyMap<string, string>> {
  const disk = new Map<string, string>()
  const listed = await workspace.list(folder)
  if (!listed.ok) throw new Error(listed.refusal)
  for (const { name, stat } of listed.value) {
    if (name === ".sessyn" && folder === "") continue
    const path = folder === "" ? String(name) : `${folder}/${name}`
    if (stat.type === "folder") {
      disk.set(`${path}/`, "")
      for (const [below, content] of await diskOf({ workspace } as MemoryMachine, path)) disk.set(below, content)
      continue
    }
    const read = await workspace.read(path, 1 << 24)
    disk.set(path, read.ok ? String.fromCharCode(...read.value.bytes) : read.refusal)
  }
  return disk
}

/**
 * What a machine does is refused with this code, and nothing comes of it: neither on any of these disks nor at the host,
 * in any of its worlds.
 */
export async function refusedWithoutTrace(
  host: HostileHost,
  machines: readonly MemoryMachine[],
  expected: string,
  attempt: () => Promise<unknown>,
  worlds: readonly string[] = [""],
): Promise<void> {
  const look = async () => ({
    disks: await Promise.all(machines.map((machine) => diskOf(machine))),
    worlds: await Promise.all(worlds.map((world) => host.picture(world))),
  })
  const before = await look()
  await expect(attempt()).rejects.toEqual(code(expected))
  expect(await look()).toEqual(before)
}

/** All of them come to have these files and no alarm, and the vault is whole. */
export async function expectPeace(
  machines: readonly MemoryMachine[],
  files: Readonly<Record<string, string>>,
): Promise<void> {
  // Twice: what one brings, the others get in the second round.
  for (const machine of [...machines, ...machines]) await machine.sync()
  for (const machine of machines) {
    expect((await machine.sync()).kind).toBe("in-sync")
    expect(Object.fromEntries(await filesOf(machine))).toEqual(files)
    expect((await machine.session((open) => open.verify())).problems).toEqual([])
  }
}

async function filesOf(machine: MemoryMachine): Promise<ReadonlyMap<string, string>> {
  const disk = new Map(await diskOf(machine))
  disk.delete(".syncignore")
  return disk
}
