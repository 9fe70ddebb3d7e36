import { expect, test } from "vitest"
import { measureFolders, measureSource } from "../../../scripts/sizes.ts"

const lines = (count: number): string => "void 0\n".repeat(count)

test("a file is large above 350 lines, and stopped above 500", () => {
  expect(measureSource("src/a.ts", lines(350))).toEqual([])
  expect(measureSource("src/a.ts", lines(351))).toMatchObject([{ allowed: true }])
  expect(measureSource("test/a.ts", lines(501))).toMatchObject([{ allowed: false }])
})

test("a function is stopped above 80 lines of its own, and is found by name and line", () => {
  const source = `\nexport function long() {\n${lines(79)}}\n`
  expect(measureSource("src/a.ts", source)).toMatchObject([
    { where: { line: 2 }, allowed: false, message: expect.stringContaining("long has 81 lines") },
  ])
})

test("functions inside a factory count for themselves", () => {
  const source = `function create() {\nreturn {\n${`a() {\n${lines(30)}},\n`.repeat(5)}}\n}\n`
  expect(measureSource("src/a.ts", source)).toEqual([])
})

test("in tests only the file counts", () => {
  expect(measureSource("test/a.test.ts", `test("x", () => {\n${lines(200)}})\n`)).toEqual([])
})

test("a folder is stopped above 20 files", () => {
  const files = Array.from({ length: 21 }, (_, index) => `src/a/f${index}.ts`)
  expect(measureFolders(files)).toMatchObject([{ where: { file: "src/a" }, allowed: false }])
  expect(measureFolders(files.slice(0, 12))).toEqual([])
})
