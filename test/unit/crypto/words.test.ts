import { expect, it } from "vitest"
import { fingerprintWords, generatePassphrase, passphraseWords } from "../../../crypto/words.ts"
import { seededRandom } from "../../support/seededRandom.ts"

it("has 2,048 words for passphrases and every second one for fingerprints", async () => {
  const all = await passphraseWords()
  const half = await fingerprintWords()
  expect(new Set(all).size).toBe(2048)
  expect(half).toHaveLength(1024)
  expect(half[1]).toBe(all[2])
  expect(new Set(half.map((word) => word.slice(0, 4))).size).toBe(1024)
})

it("makes passphrases of six words, another each time", async () => {
  const randomBytes = seededRandom(8)
  const all = new Set(await passphraseWords())
  const one = await generatePassphrase({ randomBytes })
  const two = await generatePassphrase({ randomBytes })
  expect(one.split(" ")).toHaveLength(6)
  expect(one.split(" ").every((word) => all.has(word))).toBe(true)
  expect(two).not.toBe(one)
})

it("uses eleven bits of every sixteen, evenly", async () => {
  const all = await passphraseWords()
  const bytes = Uint8Array.of(0x00, 0x00, 0x07, 0xff, 0x08, 0x00, 0xff, 0xfe)
  const passphrase = await generatePassphrase({ randomBytes: () => bytes }, 4)
  expect(passphrase.split(" ")).toEqual([all[0], all[2047], all[0], all[2046]])
})
