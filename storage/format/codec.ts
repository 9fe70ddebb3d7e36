/**
 * Codecs between JSON and typed values, put together from small parts. Each is
 * strict both ways: an object has exactly its fields, a number and a length are
 * in range, base64 has its one canonical form. Used with `canonicalJson.ts`.
 *
 * What this build cannot know is told apart from what is wrong: an unknown
 * field, tag or name and a larger `format` are `FORMAT_NEWER`, all else is
 * `FORMAT_INVALID`. Reasons are fixed phrases and hold nothing of the input.
 *
 * @module
 */
import { fromBase64, toBase64 } from "../../crypto/bytes.ts"
import { StorageError } from "../errors.ts"
import { isArray, type Json } from "./canonicalJson.ts"

/** Both directions of one field or document. Both throw {@link StorageError} for what the format does not allow. */
export interface JsonCodec<T> {
  decode(json: Json): T
  encode(value: T): Json
}

/** Smallest integer that no field may hold: 2^48. */
export const UINT48_END = 2 ** 48

// biome-ignore lint/suspicious/noExplicitAny: a codec is neither co- nor contravariant, so "of anything" has no other name.
type AnyCodec = JsonCodec<any>
type Decoded<C> = C extends JsonCodec<infer T> ? T : never

/** An object with exactly these fields, each present. A field called `format` is read before the others. */
export function object<F extends Readonly<Record<string, AnyCodec>>>(
  fields: F,
): JsonCodec<{ readonly [K in keyof F]: Decoded<F[K]> }> {
  type Value = { readonly [K in keyof F]: Decoded<F[K]> }
  const names = Object.keys(fields)
  return {
    decode(json) {
      const members = requireObject(json)
      if (fields.format !== undefined && Object.hasOwn(members, "format")) fields.format.decode(members.format as Json)
      for (const key of Object.keys(members)) if (!Object.hasOwn(fields, key)) throw newer("unknown field")
      const value: Record<string, unknown> = {}
      for (const name of names) {
        if (!Object.hasOwn(members, name)) throw invalid("field missing")
        value[name] = (fields[name] as AnyCodec).decode(members[name] as Json)
      }
      return value as Value
    },
    encode(value) {
      const members: Record<string, Json> = {}
      for (const name of names) members[name] = (fields[name] as AnyCodec).encode(value[name])
      return members
    },
  }
}

/** One of several objects, told apart by the string in their field `tag`. */
export function union<V extends { readonly [K in Tag]: string }, Tag extends string>(
  tag: Tag,
  variants: { readonly [Name in V[Tag]]: JsonCodec<Extract<V, { readonly [K in Tag]: Name }>> },
): JsonCodec<V> {
  const variant = (name: Json | undefined): AnyCodec => {
    if (typeof name !== "string") throw invalid("tag missing")
    if (!Object.hasOwn(variants, name)) throw newer("unknown tag")
    return (variants as Readonly<Record<string, AnyCodec>>)[name] as AnyCodec
  }
  return {
    decode(json) {
      const members = requireObject(json)
      if (Object.hasOwn(members, "format")) formatVersion.decode(members.format as Json)
      return variant(Object.hasOwn(members, tag) ? members[tag] : undefined).decode(json)
    },
    encode: (value) => variant(value[tag]).encode(value),
  }
}

/** At most `max` values. */
export function array<T>(item: JsonCodec<T>, max: number): JsonCodec<readonly T[]> {
  return {
    decode(json) {
      if (!isArray(json)) throw invalid("not an array")
      if (json.length > max) throw new StorageError("FORMAT_LIMIT_EXCEEDED", "too many items")
      return json.map((each) => item.decode(each))
    },
    encode: (values) => values.map((each) => item.encode(each)),
  }
}

/** A value or `null`. */
export function nullable<T>(inner: JsonCodec<T>): JsonCodec<T | null> {
  return {
    decode: (json) => (json === null ? null : inner.decode(json)),
    encode: (value) => (value === null ? null : inner.encode(value)),
  }
}

/** An integer from `min` to `max`, both below 2^48. */
export function uint(min: number, max: number = UINT48_END - 1): JsonCodec<number> {
  const check = (value: unknown): number => {
    if (typeof value !== "number" || !Number.isSafeInteger(value) || Object.is(value, -0))
      throw invalid("not an integer")
    if (value < min || value > max) throw invalid("integer out of range")
    return value
  }
  return { decode: check, encode: check }
}

/** From `min` to `max` bytes in padded standard base64. The text's length is checked before it is decoded. */
export function bytes(min: number, max: number = min): JsonCodec<Uint8Array> {
  const check = (value: Uint8Array): Uint8Array => {
    if (value.length < min || value.length > max) throw invalid("wrong number of bytes")
    return value
  }
  return {
    decode(json) {
      if (typeof json !== "string" || json.length > Math.ceil(max / 3) * 4) throw invalid("not base64 of that length")
      try {
        return check(fromBase64(json))
      } catch (cause) {
        throw cause instanceof StorageError
          ? cause
          : new StorageError("FORMAT_INVALID", "not canonical base64", { cause })
      }
    },
    encode: (value) => toBase64(check(value)),
  }
}

/** A string of one shape: every use bounds its length in the pattern, and anchors it. */
export function text(pattern: RegExp): JsonCodec<string> {
  const check = (value: unknown): string => {
    if (typeof value !== "string" || !pattern.test(value)) throw invalid("malformed text")
    return value
  }
  return { decode: check, encode: check }
}

/** One of several fixed names; another name means a newer format. */
export function oneOf<const N extends string>(...names: readonly N[]): JsonCodec<N> {
  const check = (value: unknown): N => {
    if (typeof value !== "string") throw invalid("not a name")
    if (!(names as readonly string[]).includes(value)) throw newer("unknown name")
    return value as N
  }
  return { decode: check, encode: check }
}

/** The field `format`: 1. A larger integer means a newer format. */
export const formatVersion: JsonCodec<1> = {
  decode(json) {
    if (uint(0).decode(json) > 1) throw newer("newer format")
    return uint(1, 1).decode(json) as 1
  },
  encode: (value) => uint(1, 1).encode(value),
}

/** The same JSON read as another type: `decode` and `encode` of `map` throw {@link StorageError} where it does not fit. */
export function mapped<A, B>(inner: JsonCodec<A>, decode: (value: A) => B, encode: (value: B) => A): JsonCodec<B> {
  return { decode: (json) => decode(inner.decode(json)), encode: (value) => inner.encode(encode(value)) }
}

/** The same codec with one more rule; `check` throws where it is broken. Runs both ways. */
export function refined<T>(inner: JsonCodec<T>, check: (value: T) => void): JsonCodec<T> {
  const checked = (value: T): T => {
    check(value)
    return value
  }
  return mapped(inner, checked, checked)
}

/** `FORMAT_INVALID` with a fixed phrase. */
export function invalid(reason: string): StorageError {
  return new StorageError("FORMAT_INVALID", reason)
}

function newer(reason: string): StorageError {
  return new StorageError("FORMAT_NEWER", reason)
}

function requireObject(json: Json | undefined): { readonly [key: string]: Json } {
  if (typeof json !== "object" || json === null || isArray(json)) throw invalid("not an object")
  return json
}
