/**
 * A person who answers as the test says, and the parts of a host that a machine
 * of a test needs besides.
 *
 * @module
 */
import { utf8 } from "../../crypto/bytes.ts"
import { Secret } from "../../crypto/secret.ts"
import type { Clock } from "../../src/ports/clock.ts"
import type { Keychain } from "../../src/ports/keychain.ts"
import type { Confirmation, ConflictQuestion, Prompts } from "../../src/ports/prompts.ts"
import type { Resolution } from "../../src/tree/plan/plan.ts"

/** Six words of the list, so that no test waits for a person or a dictionary. */
export const PASSPHRASE = "abandon gravity hollow meadow oxygen violin"

export interface Person {
  passphrase: string | null
  newPassphrase: string | null
  /** Answers by code of the question; yes where nothing is said. */
  answers: Partial<Record<Confirmation["code"], boolean | null>>
  resolve: (questions: readonly ConflictQuestion[]) => ReadonlyMap<string, Resolution>
  /** What was asked, in order. */
  readonly asked: Confirmation[]
}

export function createPerson(): Person {
  return { passphrase: PASSPHRASE, newPassphrase: PASSPHRASE, answers: {}, resolve: () => new Map(), asked: [] }
}

export function promptsOf(person: Person): Prompts {
  const secret = (text: string | null): Secret | null => (text === null ? null : new Secret(utf8(text)))
  return {
    passphrase: async (retry) => (retry ? null : secret(person.passphrase)),
    newPassphrase: async () => secret(person.newPassphrase),
    async confirm(question) {
      person.asked.push(question)
      const answer = person.answers[question.code]
      return answer === undefined ? true : answer
    },
    resolve: async (questions) => person.resolve(questions),
  }
}

export function createMemoryKeychain(): Keychain {
  const secrets = new Map<string, Uint8Array>()
  return {
    place: "memory",
    async read(name) {
      const bytes = secrets.get(name)
      return bytes === undefined ? null : new Secret(bytes.slice())
    },
    async write(name, secret) {
      secrets.set(name, secret.expose().slice())
    },
    async remove(name) {
      secrets.delete(name)
    },
  }
}

/** A clock on which waiting takes no time, and time passes by waiting only. */
export function createHastyClock(start = Date.UTC(2026, 0, 1)): Clock & { advance(ms: number): void } {
  let now = start
  return {
    now: () => now,
    async sleep(ms, signal) {
      signal?.throwIfAborted()
      now += ms
    },
    advance(ms) {
      now += ms
    },
  }
}
