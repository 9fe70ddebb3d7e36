/**
 * Key material that cannot be printed, serialised or inspected by accident.
 *
 * The bytes sit in a private field; `String(secret)`, `JSON.stringify(secret)`
 * and Node's `util.inspect` all show `[secret]`. Whoever needs the bytes says so
 * with {@link Secret.expose}, which is what a reviewer searches for.
 *
 * They lie in a buffer of their own, which stays where it is until it is wiped.
 * What `new Uint8Array(32)` makes lies in the engine's heap instead, and is
 * copied about when garbage is collected: wiping it leaves the copies.
 *
 * @module
 */
export class Secret {
  #bytes: Uint8Array

  /** Takes the bytes away: `bytes` is all zeros afterwards, and the caller keeps no copy. */
  constructor(bytes: Uint8Array) {
    this.#bytes = new Uint8Array(new ArrayBuffer(bytes.length))
    this.#bytes.set(bytes)
    bytes.fill(0)
  }

  /** The bytes themselves, not a copy: do not keep, change, log or transfer them. */
  expose(): Uint8Array {
    return this.#bytes
  }

  get length(): number {
    return this.#bytes.length
  }

  /** Overwrites the bytes with zeros and lets go of them. The secret is of no use afterwards. */
  wipe(): void {
    this.#bytes.fill(0)
    this.#bytes = new Uint8Array(0)
  }

  toString(): string {
    return "[secret]"
  }

  toJSON(): string {
    return "[secret]"
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[secret]"
  }
}
