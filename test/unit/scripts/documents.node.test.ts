import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { expect, it } from "vitest"

const root = resolve(import.meta.dirname, "../../..")
const documents = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
]

it.each(documents)("%s links to nothing that is not there", (document) => {
  const links = [...readFileSync(join(root, document), "utf8").matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)].map(
    ([, to]) => to as string,
  )
  const local = links.filter((to) => !/^[a-z]+:/.test(to))
  expect(local.filter((to) => !existsSync(resolve(root, dirname(document), to)))).toEqual([])
})
