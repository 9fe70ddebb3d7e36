/**
 * All cases, in the order in which they run: what everybody feels first, what
 * takes long last.
 *
 * @module
 */
import type { Case } from "./case.ts"
import { edit } from "./edit.ts"
import { firstSync } from "./firstSync.ts"
import { incompressible } from "./incompressible.ts"
import { join } from "./join.ts"
import { largeFile } from "./largeFile.ts"
import { manyFiles } from "./manyFiles.ts"
import { rename } from "./rename.ts"
import { successive } from "./successive.ts"
import { unchanged } from "./unchanged.ts"

export const CASES: readonly Case[] = [
  firstSync,
  unchanged,
  edit,
  join,
  incompressible,
  rename,
  successive,
  largeFile,
  manyFiles,
]
