/**
 * Makes new inputs out of known ones: flipped bits, lengths that lie, pieces cut
 * out, doubled and spliced, keywords, and for JSON other values in its tree.
 *
 * @module
 */
import { concatBytes, utf8 } from "../../crypto/bytes.ts"
import type { Dice } from "../support/real/dice.ts"
import { mutateJson } from "./mutateJson.ts"
import type { Target } from "./target.ts"

const DEFAULT_MAX_BYTES = 16 * 1024
const MAX_CHANGES = 6
const EDGES = [0, 1, 0x7f, 0x80, 0xff]
const EDGES_32 = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]
const VARINTS = [127, 128, 16_384, 2 ** 21, 2 ** 28, 2 ** 32, 2 ** 47, 2 ** 48 - 1, 2 ** 48, 2 ** 53]
const TEXTS = [
  "\u0000",
  "\u001b[2J",
  "\ud83d\ude00",
  "\ufeff",
  "\u202e",
  "\u017f",
  "e\u0301",
  "/../",
  "\r\n",
  "**/",
  "*",
]

type Change = (dice: Dice, input: Uint8Array, target: Target) => Uint8Array

const at = (dice: Dice, input: Uint8Array): number => dice.below(input.length + 1)

const CHANGES: readonly Change[] = [
  (dice, input) => changed(input, (bytes) => flip(dice, bytes)),
  (dice, input) => changed(input, (bytes) => put(bytes, dice.below(bytes.length), [dice.below(256)])),
  (dice, input) => changed(input, (bytes) => put(bytes, dice.below(bytes.length), [dice.pick(EDGES)])),
  (dice, input) => changed(input, (bytes) => put32(dice, bytes)),
  (dice, input) => splice(input, at(dice, input), 0, varint(dice.pick(VARINTS))),
  (dice, input) => splice(input, at(dice, input), dice.below(9), new Uint8Array(0)),
  (dice, input) => input.subarray(0, at(dice, input)),
  (dice, input) => input.subarray(dice.below(Math.min(input.length, 16) + 1)),
  (dice, input) => splice(input, at(dice, input), 0, randomBytes(dice, 1 + dice.below(8))),
  (dice, input) => repeat(dice, input, 1 + dice.below(4)),
  (dice, input) => repeat(dice, input, 1 << dice.below(9)),
  (dice, input) => copy(dice, input),
  (dice, input, target) => splice(input, at(dice, input), dice.below(2) * dice.below(6), word(dice, target)),
  (dice, input) => changed(input, (bytes) => nudge(dice, bytes)),
]

/** A new input out of `input`; `other` is another one of the corpus. */
export function mutate(dice: Dice, target: Target, input: Uint8Array, other: Uint8Array): Uint8Array {
  const { maxBytes = DEFAULT_MAX_BYTES, form } = target
  let bytes = input
  if (form === "json" && dice.below(4) > 0) bytes = mutateJson(dice, bytes, other) ?? bytes
  else {
    if (dice.below(8) === 0) bytes = crossed(dice, bytes, other)
    for (let left = 1 + dice.below(MAX_CHANGES); left > 0; left--) bytes = dice.pick(CHANGES)(dice, bytes, target)
  }
  return bytes.slice(0, maxBytes)
}

function changed(input: Uint8Array, change: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = input.slice()
  if (bytes.length > 0) change(bytes)
  return bytes
}

function flip(dice: Dice, bytes: Uint8Array): void {
  const place = dice.below(bytes.length)
  bytes[place] = (bytes[place] as number) ^ (1 << dice.below(8))
}

/** A byte a little larger or smaller: lengths and counts that are off by one. */
function nudge(dice: Dice, bytes: Uint8Array): void {
  const place = dice.below(bytes.length)
  bytes[place] = (bytes[place] as number) + dice.below(9) - 4
}

function put(bytes: Uint8Array, place: number, values: readonly number[]): void {
  for (const [i, value] of values.entries()) if (place + i < bytes.length) bytes[place + i] = value
}

function put32(dice: Dice, bytes: Uint8Array): void {
  const value = dice.pick(EDGES_32)
  const four = [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]
  put(bytes, dice.below(bytes.length), dice.below(2) === 0 ? four : four.reverse())
}

export function splice(input: Uint8Array, place: number, removed: number, inserted: Uint8Array): Uint8Array {
  return concatBytes(input.subarray(0, place), inserted, input.subarray(Math.min(input.length, place + removed)))
}

function repeat(dice: Dice, input: Uint8Array, times: number): Uint8Array {
  const from = dice.below(input.length + 1)
  const piece = input.subarray(from, from + 1 + dice.below(64))
  return splice(input, from, 0, concatBytes(...Array.from({ length: times }, () => piece)))
}

function copy(dice: Dice, input: Uint8Array): Uint8Array {
  const from = dice.below(input.length + 1)
  return splice(input, at(dice, input), dice.below(16), input.subarray(from, from + 1 + dice.below(64)))
}

function crossed(dice: Dice, a: Uint8Array, b: Uint8Array): Uint8Array {
  return concatBytes(a.subarray(0, at(dice, a)), b.subarray(at(dice, b)))
}

function randomBytes(dice: Dice, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => dice.below(256))
}

function word(dice: Dice, { words = [], form }: Target): Uint8Array {
  const all = form === "bytes" || form === undefined ? words : [...words, ...TEXTS]
  if (all.length === 0) return varint(dice.pick(VARINTS))
  const chosen = dice.pick(all)
  return typeof chosen === "string" ? utf8(chosen) : chosen
}

/** Little end first, seven bits a byte, as the project's formats and Git's have it. */
export function varint(value: number): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest])
    bytes.push((rest % 128) | 0x80)
  }
}
