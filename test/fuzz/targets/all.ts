/** Every decoder of bytes that come from a store, a host, a disk or a person. @module */
import type { Target } from "../target.ts"
import { FORMAT_TARGETS } from "./formats.ts"
import { GIT_TARGETS } from "./git.ts"
import { SEALED_TARGETS } from "./sealed.ts"
import { STATE_TARGETS } from "./state.ts"
import { TEXT_TARGETS } from "./text.ts"

export const TARGETS: readonly Target[] = [
  ...FORMAT_TARGETS,
  ...GIT_TARGETS,
  ...SEALED_TARGETS,
  ...STATE_TARGETS,
  ...TEXT_TARGETS,
]
