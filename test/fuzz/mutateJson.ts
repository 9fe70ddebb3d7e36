/**
 * Changes JSON documents in their tree, so that what comes out is JSON, and most
 * often canonical: a decoder that only sees damaged JSON is not tried at all.
 *
 * @module
 */
import { utf8 } from "../../crypto/bytes.ts"
import type { Dice } from "../support/real/dice.ts"

type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
/** Where a value stands: in which array or object, under which index or key. */
type Place = readonly [Json[] | { [key: string]: Json }, string | number]

const NUMBERS = [0, 1, -1, 0.5, 4095, 4096, 4097, 65_536, 2 ** 32, 2 ** 48 - 1, 2 ** 48, 2 ** 53, 1e308]
const STRINGS = [
  "",
  "a",
  "trust",
  "repair",
  "passphrase",
  "ed25519",
  "ml-dsa-87",
  "AAAA",
  "A===",
  "\u0000",
  "\ud800",
  "z".repeat(52),
]
const KEYS = ["format", "kind", "__proto__", "constructor", "toString", "length", "entry", "extra"]

/** `null` if the input is no JSON to begin with. */
export function mutateJson(dice: Dice, input: Uint8Array, other: Uint8Array): Uint8Array | null {
  const document = parse(input)
  if (document === undefined) return null
  const root: Json[] = [document]
  for (let left = 1 + dice.below(3); left > 0; left--) changeOne(dice, root, parse(other))
  return utf8(canonical(root[0] ?? null))
}

function changeOne(dice: Dice, root: Json[], other: Json | undefined): void {
  const places: Place[] = []
  collect(root, places)
  const [holder, key] = dice.pick(places)
  const value = (holder as { [key: string | number]: Json })[key] as Json
  const set = (next: Json): void => {
    Object.defineProperty(holder, key, { value: next, enumerable: true, configurable: true, writable: true })
  }
  const kind = dice.below(8)
  if (kind === 0) set(dice.pick<Json>([null, true, "", 0, [], {}]))
  else if (kind === 1 && other !== undefined) set(partOf(dice, other))
  else if (kind === 2) remove(holder, key)
  else set(altered(dice, value))
}

function altered(dice: Dice, value: Json): Json {
  if (typeof value === "number") return dice.below(2) === 0 ? dice.pick(NUMBERS) : value + dice.below(5) - 2
  if (typeof value === "string") return alteredText(dice, value)
  if (Array.isArray(value)) return alteredList(dice, value)
  if (typeof value !== "object" || value === null) return dice.pick<Json>([dice.pick(NUMBERS), dice.pick(STRINGS), []])
  // A member of its own even where the name is `__proto__`.
  return Object.fromEntries([...Object.entries(value), [dice.pick(KEYS), dice.pick(NUMBERS)]])
}

function alteredText(dice: Dice, text: string): string {
  const at = dice.below(text.length + 1)
  switch (dice.below(5)) {
    case 0:
      return dice.pick(STRINGS)
    case 1:
      return text.slice(0, at)
    case 2:
      return text.slice(0, at) + String.fromCharCode(97 + dice.below(26)) + text.slice(at + 1)
    case 3:
      return text + text
    default:
      return text.slice(0, at) + dice.pick(STRINGS) + text.slice(at)
  }
}

function alteredList(dice: Dice, list: Json[]): Json {
  if (list.length === 0) return [dice.pick(STRINGS)]
  const one = dice.pick(list)
  const at = dice.below(list.length)
  switch (dice.below(4)) {
    case 0:
      return [...list.slice(0, at), one, ...list.slice(at)]
    case 1:
      return list.toReversed()
    case 2:
      return Array.from({ length: 1 << dice.below(8) }, () => one)
    default:
      return list.filter((_, i) => i !== at)
  }
}

function partOf(dice: Dice, document: Json): Json {
  const places: Place[] = []
  collect([document], places)
  const [holder, key] = dice.pick(places)
  return structuredClone((holder as { [key: string | number]: Json })[key] as Json)
}

function remove(holder: Place[0], key: string | number): void {
  if (Array.isArray(holder)) {
    if (holder.length > 1) holder.splice(key as number, 1)
  } else delete holder[key]
}

function collect(value: Json, places: Place[]): void {
  if (typeof value !== "object" || value === null) return
  for (const key of Object.keys(value)) {
    places.push([value, Array.isArray(value) ? Number(key) : key])
    collect((value as { [key: string]: Json })[key] as Json, places)
  }
}

function parse(input: Uint8Array): Json | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(input)) as Json
  } catch {
    return undefined
  }
}

function canonical(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  const members = Object.keys(value).sort()
  return `{${members.map((key) => `${JSON.stringify(key)}:${canonical(value[key] as Json)}`).join(",")}}`
}
