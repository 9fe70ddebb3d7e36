/**
 * Decides whether something of a workspace can be read at its host. What must
 * not be found are names of files and folders (longer than 4 characters), lines
 * (longer than 12 bytes; every 13 bytes of them by themselves, unless they are
 * monotonous: a row of dashes says nothing), and keys (every 8 bytes).
 *
 * Two things are no leaks though they are found. Words of the format itself:
 * they are found at the same place in the vault of an unrelated workspace. And
 * chance: fewer than 8 bytes that are not found in a second vault of the same
 * workspace, where all that is random is otherwise.
 *
 * @module
 */
import { createNeedleSet, type NeedleSet } from "./needleSet.ts"
import { eachView } from "./views.ts"

const MIN_NAME_CHARACTERS = 5
const LINE_PIECE_BYTES = 13
const KEY_PIECE_BYTES = 8
/** Fewer may be there by chance. */
const CERTAIN_BYTES = 8
/** In standard deviations. Random bytes are beyond once in 10^15. */
const MAX_UNEVENNESS = 12

export interface Findings {
  /** What was found, by its number: the places. */
  readonly places: ReadonlyMap<number, ReadonlySet<string>>
  /** Places of bytes that should look random and do not. */
  readonly uneven: readonly string[]
}

export interface Leak {
  readonly what: string
  readonly place: string
}

export interface LeakSearch {
  /** How much is looked for. */
  readonly counts: { readonly names: number; readonly linePieces: number; readonly keys: number }
  /** All of them. */
  readonly names: ReadonlySet<string>
  /** Every segment of it. */
  addPath(path: string): void
  /** A file's content. */
  addContent(bytes: Uint8Array): void
  /** 32 bytes of a key, or more. */
  addKey(what: string, bytes: Uint8Array): void
  /** A passphrase, a person's name: found as a whole. */
  addText(what: string, text: string): void
  search(exhibits: AsyncIterable<Exhibit> | Iterable<Exhibit>): Promise<Findings>
  /** What of `first` is neither the format's own nor chance. */
  leaks(first: Findings, control: Findings, second: Findings): readonly Leak[]
}

/** Bytes, and what they are at the host. */
export interface Exhibit {
  readonly place: string
  readonly bytes: Uint8Array
  /** From where on they must look random. */
  readonly sealedFrom?: number
}

export function createLeakSearch(): LeakSearch {
  const words: NeedleSet = createNeedleSet(MIN_NAME_CHARACTERS)
  const pieces: NeedleSet = createNeedleSet(LINE_PIECE_BYTES)
  const labels = new Map<number, string>()
  const names = new Set<string>()
  let keys = 0

  const addWord = (bytes: Uint8Array, label: string): void => {
    const needle = words.add(bytes)
    if (!labels.has(needle)) labels.set(needle, label)
  }
  const addPiece = (bytes: Uint8Array, at: number): void => {
    const piece = bytes.subarray(at, at + LINE_PIECE_BYTES)
    if (!isMonotonous(piece)) pieces.add(piece)
  }
  /** Words have even numbers, pieces odd ones. */
  const describe = (found: number): string => {
    if (found % 2 === 0) return labels.get(found / 2) ?? ""
    return `line ${JSON.stringify(Buffer.from(pieces.bytes((found - 1) / 2)).toString("latin1"))}`
  }
  const lengthOf = (found: number): number => (found % 2 === 0 ? words.bytes(found / 2).length : LINE_PIECE_BYTES)

  return {
    get counts() {
      return { names: names.size, linePieces: pieces.size, keys }
    },

    names,

    addPath(path) {
      for (const name of path.split("/")) {
        if (names.has(name) || [...name].length < MIN_NAME_CHARACTERS) continue
        names.add(name)
        addWord(Buffer.from(name), `name ${JSON.stringify(name)}`)
      }
    },

    addContent(bytes) {
      for (let start = 0; start < bytes.length; ) {
        const found = bytes.indexOf(0x0a, start)
        const end = found < 0 ? bytes.length : found
        for (let at = start; at + LINE_PIECE_BYTES <= end; at += LINE_PIECE_BYTES) addPiece(bytes, at)
        if (end - start >= LINE_PIECE_BYTES) addPiece(bytes, end - LINE_PIECE_BYTES)
        start = end + 1
      }
    },

    addKey(what, bytes) {
      keys++
      for (let at = 0; at + KEY_PIECE_BYTES <= bytes.length; at += KEY_PIECE_BYTES) {
        addWord(bytes.subarray(at, at + KEY_PIECE_BYTES), what)
      }
    },

    addText(what, text) {
      addWord(Buffer.from(text), what)
    },

    async search(exhibits) {
      const places = new Map<number, Set<string>>()
      const uneven: string[] = []
      const note = (found: number, place: string): void => {
        const known = places.get(found)
        if (known === undefined) places.set(found, new Set([place]))
        else known.add(place)
      }
      for await (const { place, bytes, sealedFrom } of exhibits) {
        if (sealedFrom !== undefined && unevenness(bytes.subarray(sealedFrom)) > MAX_UNEVENNESS) uneven.push(place)
        eachView(bytes, (view) => {
          words.search(view, (needle) => note(2 * needle, place))
          pieces.search(view, (needle) => note(2 * needle + 1, place))
        })
      }
      return { places, uneven }
    },

    leaks(first, control, second) {
      const leaks = first.uneven.map((place): Leak => ({ what: "bytes that are not random", place }))
      for (const [found, places] of first.places) {
        for (const place of places) {
          if (control.places.get(found)?.has(place) === true) continue
          if (lengthOf(found) < CERTAIN_BYTES && second.places.get(found)?.has(place) !== true) continue
          leaks.push({ what: describe(found), place })
        }
      }
      return leaks
    },
  }
}

function isMonotonous(piece: Uint8Array): boolean {
  const [first] = piece
  const second = piece.find((byte) => byte !== first)
  const third = piece.find((byte) => byte !== first && byte !== second)
  return third === undefined
}

/** How far bytes are from being evenly spread over their 256 values, in standard deviations of chi-squared. */
function unevenness(bytes: Uint8Array): number {
  const counts = new Float64Array(256)
  for (const byte of bytes) counts[byte] = (counts[byte] as number) + 1
  const expected = bytes.length / 256
  let chiSquared = 0
  for (const count of counts) chiSquared += (count - expected) ** 2 / expected
  return (chiSquared - 255) / Math.sqrt(2 * 255)
}
