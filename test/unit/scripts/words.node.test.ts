import { expect, test } from "vitest"
import { findForbiddenWords, isForbiddenRoom } from "../../../scripts/words.ts"

const note = "TO" + "DO"
const home = "/ro" + "ot/"

test("notes to oneself are found with their line", () => {
  expect(findForbiddenWords("a.ts", `fine\n// ${note}: later`)).toMatchObject([{ file: "a.ts", line: 2 }])
  expect(findForbiddenWords("a.ts", `${note}S and todo lists are words like others`)).toEqual([])
})

test("paths of one machine are found, relative ones are not", () => {
  expect(findForbiddenWords("a.md", `see \`${home}notes\``)).toHaveLength(1)
  expect(findForbiddenWords("a.md", `see "${home}notes"`)).toHaveLength(1)
  expect(findForbiddenWords("a.md", "see src/work/notes and <root>/notes")).toEqual([])
})

test("rooms without a subject are refused", () => {
  expect(["utils", "helpers", "common"].every(isForbiddenRoom)).toBe(true)
  expect(isForbiddenRoom("format")).toBe(false)
})
