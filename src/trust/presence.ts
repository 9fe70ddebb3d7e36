/**
 * What this machine has seen of the others, in the State port: since when it
 * knows each, and on how many days it looked and saw nothing of it. Counted by
 * what this machine did and saw itself: no other machine's clock is asked, and a
 * machine that was off for a year counts no days.
 *
 * @module
 */
import { StorageError } from "../../storage/errors.ts"
import { decodeDocument, encodeDocument } from "../../storage/format/canonicalJson.ts"
import { array, formatVersion, type JsonCodec, object, uint } from "../../storage/format/codec.ts"
import { machineIdCodec } from "../../storage/format/machine.ts"
import { MAX_TRUSTED_MACHINES } from "../../storage/format/trustEntry.ts"
import { trustedMachines } from "../../storage/verify/trustState.ts"
import type { Context } from "../vault/context.ts"
import type { Head } from "../vault/head.ts"

const PRESENCE = "presence"
const MAX_PRESENCE_BYTES = 1024 * 1024
/** All that are trusted, and many that were put out on their first day. */
const MAX_SIGHTINGS = 4 * MAX_TRUSTED_MACHINES
const DAY_MS = 24 * 60 * 60 * 1000
/** Days without a sign of a machine after which a person is told that it may go. */
export const AWAY_DAYS = 30

/** One machine, as seen from here. */
export interface Sighting {
  readonly machine: string
  /** When it was first seen to be trusted, by this machine's clock; 0 if it was before this was kept. */
  readonly knownSinceMs: number
  /** Headers it had written when it was last looked for. */
  readonly counter: number
  /** Days, by this machine's clock, on which this machine looked and that number had not grown. */
  readonly silentDays: number
  /** The last day that was counted: days since 1970. */
  readonly lastDay: number
}

interface Presence {
  readonly format: 1
  readonly machines: readonly Sighting[]
}

const presenceCodec: JsonCodec<Presence> = object({
  format: formatVersion,
  machines: array(
    object({ machine: machineIdCodec, knownSinceMs: uint(0), counter: uint(0), silentDays: uint(0), lastDay: uint(0) }),
    MAX_SIGHTINGS,
  ),
})

/** What is known of the machines that are trusted now, or were put out on their first day; this one is not among them. */
export async function readSightings({ state }: Pick<Context, "state">): Promise<ReadonlyMap<string, Sighting> | null> {
  const stored = await state.read(PRESENCE)
  if (stored === null) return null
  try {
    const { machines } = decodeDocument(presenceCodec, stored, MAX_PRESENCE_BYTES)
    return new Map(machines.map((sighting) => [sighting.machine, sighting]))
  } catch (error) {
    // Lost is as good as never kept: nobody is taken for away, or for new, by mistake.
    if (error instanceof StorageError) return null
    throw error
  }
}

/** Notes what a head, which was believed, shows of the others. */
export async function noteSightings(context: Context, head: Head): Promise<void> {
  const { host, state, config } = context
  const before = await readSightings(context)
  const now = host.clock.now()
  const counters = new Map(head.verified.header.machines.map(({ id, counter }) => [id, counter]))
  const trusted = trustedMachines(head.trust).map(({ id }) => id)
  // One that was put out on its first day may have left something behind.
  const young = [...(before?.values() ?? [])].filter((each) => isYoung(each, now)).map(({ machine }) => machine)
  const machines = [...new Set([...trusted, ...young])]
    .filter((id) => id !== config.machine)
    .map((id) => {
      const known = before?.get(id) ?? null
      return look(known, { machine: id, counter: counters.get(id) ?? 0, now, isNew: before !== null })
    })
  if (before?.size === machines.length && machines.every((sighting) => before.get(sighting.machine) === sighting))
    return
  await state.write(PRESENCE, encodeDocument(presenceCodec, { format: 1, machines }, MAX_PRESENCE_BYTES))
}

/** The same object if there is nothing to note. */
function look(
  known: Sighting | null,
  seen: { readonly machine: string; readonly counter: number; readonly now: number; readonly isNew: boolean },
): Sighting {
  const { machine, counter, now, isNew } = seen
  const today = Math.floor(now / DAY_MS)
  if (known === null) return { machine, knownSinceMs: isNew ? now : 0, counter, silentDays: 0, lastDay: today }
  const isHeardOf = counter !== known.counter
  // A clock that was set back neither counts days twice nor makes a machine new for ever.
  if (!isHeardOf && known.lastDay === today && known.knownSinceMs <= now) return known
  const silentDays = isHeardOf ? 0 : known.silentDays + (today > known.lastDay ? 1 : 0)
  return { machine, knownSinceMs: Math.min(known.knownSinceMs, now), counter, silentDays, lastDay: today }
}

/**
 * Ids of machines that may have written what the head shows, and that this machine has known for less than a day.
 * Whatever the index says of who wrote a file is the word of whoever wrote the index last, so it is not asked.
 */
export async function newcomers(context: Context, head: Head): Promise<readonly string[]> {
  const { trust, verified } = head
  const since = trust.machines.get(context.config.machine)?.since ?? trust.length
  const now = context.host.clock.now()
  const writers = new Set(verified.header.machines.map(({ id }) => id))
  const sightings = (await readSightings(context)) ?? new Map<string, Sighting>()
  return [...sightings.values()]
    .filter((sighting) => {
      const machine = trust.machines.get(sighting.machine)
      if (machine === undefined || machine.since <= since || !isYoung(sighting, now)) return false
      // A header tells no more of who was deleted.
      return writers.has(machine.id) || machine.status === "deleted"
    })
    .map(({ machine }) => machine)
}

function isYoung({ knownSinceMs }: Sighting, now: number): boolean {
  return now - knownSinceMs < DAY_MS
}
